import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.models.deep.safetensors import safetensors_arrays, safetensors_bytes

ARRAYS = {
    "half": np.arange(6, dtype=np.float16).reshape(2, 3),
    "whole": np.array([-1, 1 << 40], np.int64),
    "none": np.zeros((0, 4), np.float32),
    "one": np.array(2.5, np.float32),
}
DATA = safetensors_bytes(ARRAYS)


def packed(header: bytes, body: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + body


def test_arrays_come_back_as_they_were() -> None:
    found = safetensors_arrays(DATA)
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)
    assert int.from_bytes(DATA[:8], "little") % 8 == 0
    assert safetensors_bytes(dict(reversed(ARRAYS.items()))) == DATA


def test_what_others_say_about_a_file_is_passed_over() -> None:
    data = packed(b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4))
    assert safetensors_arrays(data)["a"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "too few"),
        ((1 << 60).to_bytes(8, "little"), "header is said to have"),
        (packed(b"{"), "no JSON"),
        (packed(b"[]"), "no JSON object"),
        (packed(b'{"a":1}'), "does not describe 'a'"),
        (packed(b'{"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}', bytes(2)), "kind 'BF16'"),
        (packed(b'{"a":{"dtype":["F32"],"shape":[],"data_offsets":[0,2]}}', bytes(2)), "kind"),
        (packed(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)), "a shape or a place"),
        (packed(b'{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}', bytes(4)), "a shape or a place"),
        (packed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}', bytes(4)), "a shape or a place"),
        (packed(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', bytes(4)), "does not lie in bytes 0 to 8"),
        (packed(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4)), "does not lie"),
        (packed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(8)), "leave a gap"),
        (packed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(8)), "8 bytes of arrays instead of 4"),
    ],
)
def test_damaged_files_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        safetensors_arrays(data)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_no_more_than_what_is_read(place: int, change: int) -> None:
    changed = bytearray(DATA)
    changed[place] ^= change
    try:
        found = safetensors_arrays(bytes(changed))
    except ValueError:
        return
    assert sum(array.nbytes for array in found.values()) == sum(array.nbytes for array in ARRAYS.values())


@given(st.integers(0, len(DATA) - 1))
def test_a_file_that_ends_early_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="it"):
        safetensors_arrays(DATA[:length])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(ValueError, match="it"):
        safetensors_arrays(data)
