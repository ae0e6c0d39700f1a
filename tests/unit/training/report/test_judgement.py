import pytest

from aisle.training.report.judgement import code_order
from tests.unit.training.report.judgements import answers, gold_rows, judgement


def test_answers_without_their_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="20 gold answers were given with 19 rows"):
        judgement(answers(20), gold_rows(answers(19)))
    with pytest.raises(ValueError, match="0 gold answers"):
        judgement(answers(0), gold_rows(answers(0)))


def test_a_category_is_called_by_its_name_or_its_code() -> None:
    made = judgement(categories={"40": "Games", "50": "odd \ud800 name"})
    assert [made.name(code) for code in ("40", "50", "60")] == ["Games", "odd \ufffd name", "60"]


def test_codes_are_in_the_order_in_which_people_count() -> None:
    assert sorted(["b", "100", "²", "20", "a"], key=code_order) == ["20", "100", "a", "b", "²"]
