import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.models.golden import TOLERANCE, choose_golden, replay_golden, write_golden
from aisle.models.prediction import Candidate, Prediction

PRODUCTS = [Product(str(number), title=f"titre {number}", description="x" * number) for number in range(100)]


class Fixed:
    """Answers every product with the same probabilities."""

    def __init__(self, *top: tuple[str, float], modalities: tuple[str, ...] = ("text",)) -> None:
        self.top, self.modalities = tuple(Candidate(code, code.upper(), share) for code, share in top), modalities

    def __call__(self, products: object) -> list[Prediction]:
        first = self.top[0]
        return [
            Prediction(p.id, first.code, first.name, first.probability, self.top, self.modalities)
            for p in products  # type: ignore[attr-defined]
        ]


def _pairs(*top: tuple[str, float]) -> bytes:
    return write_golden(PRODUCTS[:3], Fixed(*top))


def test_thirty_three_are_chosen_with_the_odd_ones_among_them() -> None:
    chosen = choose_golden(PRODUCTS)
    assert len(chosen) == 33
    assert sum(product in PRODUCTS for product in chosen) == 24
    assert any(not p.title and not p.description for p in chosen)
    assert any(p.description == "" for p in chosen)
    assert any(p.title and not p.title.isascii() and not p.title.isprintable() for p in chosen)


def test_some_come_with_their_images_and_every_second_of_those_with_nothing_else() -> None:
    pictured = [Product(str(n), title=f"titre {n}", image=bytes([n]) * 9) for n in range(20)]
    large = Product("large", title="affiche", image=b"x" * 60_001)
    chosen = choose_golden([*pictured, large])
    shown = [product for product in chosen if product.image and product.id != "broken image"]
    assert len(shown) == 8
    assert sum(product.title is None for product in shown) == 4
    assert large not in chosen
    data = write_golden(chosen, Fixed(("a", 1.0)))
    asked: list[Product] = []

    def answer(products: object) -> list[Prediction]:
        asked.extend(products)  # type: ignore[arg-type]
        return Fixed(("a", 1.0))(products)

    replay_golden(data, answer)
    assert asked == chosen


@given(st.permutations(PRODUCTS[:40]))
def test_the_choice_does_not_depend_on_the_order(products: list[Product]) -> None:
    assert choose_golden(products) == choose_golden(PRODUCTS[:40])


def test_few_products_are_all_taken() -> None:
    assert len(choose_golden(PRODUCTS[:3])) == 12
    assert len(choose_golden([])) == 9


def test_long_texts_are_cut_and_lone_surrogates_replaced() -> None:
    chosen = choose_golden([Product("1", title="a" * 5_000, description="\ud800b")])
    assert len(chosen[0].title or "") == 1_000
    assert chosen[0].description == "?b"
    replay_golden(write_golden(chosen, Fixed(("a", 1.0))), Fixed(("a", 1.0)))


def test_the_same_answers_pass() -> None:
    replay_golden(_pairs(("a", 0.7), ("b", 0.3)), Fixed(("a", 0.7), ("b", 0.3)))
    replay_golden(_pairs(("a", 0.7), ("b", 0.3)), Fixed(("a", 0.7 + TOLERANCE / 2), ("b", 0.3)))


def test_equals_may_change_places_and_the_last_may_be_another() -> None:
    replay_golden(_pairs(("a", 0.4), ("b", 0.4), ("c", 0.1)), Fixed(("b", 0.4), ("a", 0.4), ("d", 0.1)))


@pytest.mark.parametrize(
    "now",
    [
        Fixed(("a", 0.7 + 3 * TOLERANCE), ("b", 0.3)),
        Fixed(("b", 0.7), ("a", 0.3)),
        Fixed(("c", 0.7), ("b", 0.3)),
        Fixed(("a", 0.7)),
        Fixed(("a", 0.7), ("b", 0.3), ("c", 0.0)),
        Fixed(("a", 0.7), ("b", 0.3), modalities=()),
        Fixed(("a", float("nan")), ("b", 0.3)),
    ],
)
def test_other_answers_are_refused_with_the_product_named(now: Fixed) -> None:
    with pytest.raises(BundleError, match="golden product '0' is answered") as caught:
        replay_golden(_pairs(("a", 0.7), ("b", 0.3)), now)
    assert "train again" in caught.value.hint


@pytest.mark.parametrize("data", [b"{", b"[]\n", b'{"input": {}}\n', b'{"input": {"name": 1}, "output": {}}\n', b"\xff\n"])
def test_what_is_no_pair_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"golden\.jsonl holds no pairs"):
        replay_golden(data, Fixed(("a", 1.0)))


@pytest.mark.parametrize("output", [{}, {"top": [], "modalities": []}, {"top": 5, "modalities": ["text"]}])
def test_an_output_that_is_none_is_refused(output: dict[str, object]) -> None:
    line = orjson.dumps({"input": {"id": "1", "title": "a"}, "output": output})
    with pytest.raises(BundleError):
        replay_golden(line, Fixed(("a", 1.0)))


def test_no_pairs_at_all_are_refused() -> None:
    with pytest.raises(BundleError, match="is empty"):
        replay_golden(b"", Fixed(("a", 1.0)))
