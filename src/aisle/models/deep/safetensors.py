"""The safetensors format, read and written with numpy: a header of JSON and plain numbers, nothing that runs.

The format is Hugging Face's: eight bytes with the length of the header, the header, then the arrays' bytes without a gap
(https://github.com/huggingface/safetensors). Only the kinds of numbers that a net is made of are read.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

_KINDS: Mapping[str, Any] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "I64": np.dtype("<i8")}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_LONGEST_HEADER = 1 << 20
_DIMENSIONS = 8


def safetensors_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as a safetensors file; the same arrays give the same bytes.

    Args:
        arrays: Of float16, float32 or int64, by their names.
    """
    header: dict[str, Any] = {}
    parts, start = [], 0
    for name, array in sorted(arrays.items()):
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("<")],
            "shape": list(array.shape),
            "data_offsets": [start, start + len(data)],
        }
        parts.append(data)
        start += len(data)
    text = orjson.dumps(header)
    # The arrays begin at a multiple of eight bytes: a reader may map them into memory.
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, *parts))


def safetensors_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file.

    Args:
        data: The file's bytes.

    Raises:
        ValueError: It is none, or is damaged; the message says how.
    """
    if len(data) < 8:
        raise ValueError(f"it has {len(data)} bytes, too few for a header")
    length = int.from_bytes(data[:8], "little")
    if length > min(_LONGEST_HEADER, len(data) - 8):
        raise ValueError(f"its header is said to have {length:,} bytes")
    try:
        header = orjson.loads(data[8 : 8 + length])
    except orjson.JSONDecodeError as error:
        raise ValueError(f"its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")  # noqa: TRY004  (a damaged file, not a mistake of the caller's)
    body = memoryview(data)[8 + length :]
    found, spans = {}, []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind, shape, (start, stop) = _entry(name, entry)
        if not start <= stop <= len(body) or stop - start != kind.itemsize * math.prod(shape):
            raise ValueError(f"its array {name!r} of shape {shape} does not lie in bytes {start} to {stop}")
        found[name] = np.frombuffer(body[start:stop], kind).reshape(shape)
        spans.append((start, stop))
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise ValueError(f"its arrays overlap or leave a gap at byte {start}")
        end = stop
    if end != len(body):
        raise ValueError(f"it has {len(body):,} bytes of arrays instead of {end:,}")
    return found


def _entry(name: str, entry: Any) -> tuple[Any, tuple[int, ...], tuple[int, int]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"its header does not describe {name!r}")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"its array {name!r} is of the kind {kind!r}, none of {', '.join(_KINDS)}")
    if not _sizes(shape) or len(shape) > _DIMENSIONS or not _sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"its array {name!r} has a shape or a place that is none")
    return _KINDS[kind], tuple(shape), (offsets[0], offsets[1])


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 1 << 48 for size in value)
