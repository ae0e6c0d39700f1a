"""Digests: the same for the same content however it is cut, and another for any other content."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aisle.digest import TableDigest, canonical_json, json_digest, manifest_digest, sha256, sha256_file

TEXTS = st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=8)), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner),
    max_leaves=12,
)


def table(texts: list[str | None], numbers: list[int | None] | None = None) -> pl.DataFrame:
    numbers = numbers if numbers is not None else list(range(len(texts)))
    return pl.DataFrame({"text": texts, "number": numbers}, schema={"text": pl.String, "number": pl.Int64})


def digest_of(*batches: pl.DataFrame, columns: tuple[str, ...] = ("text", "number")) -> str:
    digest = TableDigest(columns)
    for batch in batches:
        digest.update(batch)
    return digest.hexdigest()


class TestTable:
    @given(texts=TEXTS, cuts=st.lists(st.integers(0, 12), max_size=5))
    def test_where_the_batches_end_does_not_count(self, texts: list[str | None], cuts: list[int]):
        whole = table(texts)
        edges = [0, *sorted(min(cut, whole.height) for cut in cuts), whole.height]
        batches = [whole[start:end] for start, end in pairwise(edges)]
        assert digest_of(*batches) == digest_of(whole)

    @given(one=TEXTS, two=TEXTS)
    def test_other_text_is_another_digest(self, one: list[str | None], two: list[str | None]):
        assume(one != two)
        assert digest_of(table(one)) != digest_of(table(two))

    @given(numbers=st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=6), data=st.data())
    def test_another_number_is_another_digest(self, numbers: list[int | None], data: st.DataObject):
        place = data.draw(st.integers(0, len(numbers) - 1))
        other = data.draw(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)))
        assume(other != numbers[place])
        changed = [*numbers[:place], other, *numbers[place + 1 :]]
        texts = ["x"] * len(numbers)
        assert digest_of(table(texts, numbers)) != digest_of(table(texts, changed))

    @pytest.mark.parametrize(
        ("one", "two"),
        [
            (["ab", "c"], ["a", "bc"]),
            (["a", None], ["a", ""]),
            ([None, "a"], ["a", None]),
            ([], [None]),
            (["é"], ["e\u0301"]),
        ],
    )
    def test_what_is_easily_confused_is_told_apart(self, one: list[str | None], two: list[str | None]):
        assert digest_of(table(one)) != digest_of(table(two))

    def test_zero_and_missing_are_told_apart(self):
        assert digest_of(table(["x"], [0])) != digest_of(table(["x"], [None]))

    def test_the_order_of_rows_counts(self):
        frame = table(["a", "b"])
        assert digest_of(frame) != digest_of(frame.reverse())

    def test_the_order_and_names_of_columns_count_as_given(self):
        frame = table(["a", "b"])
        assert digest_of(frame, columns=("text", "number")) != digest_of(frame, columns=("number", "text"))
        assert digest_of(frame, columns=("text",)) != digest_of(frame.rename({"text": "name"}), columns=("name",))
        assert digest_of(frame.select("number", "text")) == digest_of(frame)

    @pytest.mark.parametrize("dtype", [pl.Int8, pl.Int32, pl.UInt16, pl.Int64])
    def test_the_width_of_whole_numbers_does_not_count(self, dtype: type[pl.DataType]):
        frame = table(["a", "b", "c"], [1, None, 3])
        assert digest_of(frame.cast({"number": dtype})) == digest_of(frame)

    def test_how_the_table_was_stored_does_not_count(self, tmp_path: Path):
        frame = table(["l'été", None, "", "🙂\n"], [1, 2, None, -4])
        frame.write_parquet(tmp_path / "t.parquet")
        frame.write_ipc(tmp_path / "t.arrow")
        assert digest_of(pl.read_parquet(tmp_path / "t.parquet")) == digest_of(frame)
        assert digest_of(pl.read_ipc(tmp_path / "t.arrow")) == digest_of(frame)

    def test_reading_the_digest_does_not_end_it(self):
        digest = TableDigest(["text"])
        digest.update(table(["a"]))
        assert digest.hexdigest() == digest.hexdigest() == digest_of(table(["a"]), columns=("text",))
        digest.update(table(["b"]))
        assert digest.hexdigest() == digest_of(table(["a", "b"]), columns=("text",))

    def test_a_column_that_is_not_there_is_an_error(self):
        with pytest.raises(pl.exceptions.ColumnNotFoundError):
            digest_of(table(["a"]), columns=("nothing",))

    def test_the_digest_of_a_known_table_never_changes(self):
        """Snapshots made by earlier versions must keep their names."""
        frame = table(["Piscine", None, "", "l'été 🙂"], [1, 2, None, -4])
        assert digest_of(frame) == "c2c82902cac17424993661007e840fb954f53db475b03a3d325f63ae183d4dba"


class TestJson:
    @given(JSON)
    def test_one_spelling_that_reads_back(self, value: object):
        assert json.loads(canonical_json(value)) == value

    @given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(-100, 100)))
    def test_the_order_of_keys_does_not_count(self, value: dict[str, int]):
        assert json_digest(dict(reversed(value.items()))) == json_digest(value)

    def test_arrays_are_spelt_as_lists(self):
        assert canonical_json({"a": np.array([1, 2])}) == canonical_json({"a": [1, 2]}) == b'{"a":[1,2]}'

    @pytest.mark.parametrize(("one", "two"), [(1, "1"), (True, 1), (None, ""), ([], {}), ({"a": 1}, {"a": 2})])
    def test_other_values_are_other_digests(self, one: object, two: object):
        assert json_digest(one) != json_digest(two)


class TestFiles:
    @pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
    def test_a_file_has_the_digest_of_its_bytes(self, tmp_path: Path, size: int):
        data = bytes(range(256)) * (size // 256 + 1)
        path = tmp_path / "file"
        path.write_bytes(data[:size])
        assert sha256_file(path) == sha256(data[:size]) == hashlib.sha256(data[:size]).hexdigest()

    @given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), min_size=1), st.just("f" * 64)))
    def test_the_order_of_files_does_not_count(self, files: dict[str, str]):
        assert manifest_digest(dict(reversed(files.items()))) == manifest_digest(files)

    @pytest.mark.parametrize(
        "other", [{}, {"a": "1", "b": "3"}, {"a": "1"}, {"a": "1", "c": "2"}, {"a": "1", "b": "2", "c": "3"}]
    )
    def test_a_file_added_removed_renamed_or_changed_is_another_digest(self, other: dict[str, str]):
        assert manifest_digest(other) != manifest_digest({"a": "1", "b": "2"})


def test_a_column_of_another_kind_is_refused_and_not_cut_to_whole_numbers():
    with pytest.raises(TypeError, match="'price' is Float64"):
        TableDigest(["price"]).update(pl.DataFrame({"price": [1.5]}))
