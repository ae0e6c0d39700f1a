from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisle.digest import sha256
from aisle.errors import ModelError
from aisle.features.text import TextConfig
from aisle.features.tfidf import TfidfColumns
from aisle.models.deep.inputs_fit import inputs_of
from aisle.models.deep.names import column_names
from aisle.models.deep.net import first_arrays
from aisle.models.deep.safetensors import safetensors_arrays, safetensors_bytes
from aisle.models.deep.scorer import Sizes
from aisle.models.deep.start import (
    CONFIG,
    MODEL,
    checkpoint_digest,
    read_checkpoint,
    save_checkpoint,
    started_from,
)
from aisle.models.text_space import TextSpace
from tests.unit.models.deep.nets import both_problem, random_net
from tests.unit.models.problems import dense_problem

MATRIX, LABELS = both_problem()
SCORER = random_net(MATRIX, LABELS)


def space(buckets: range, **config: int) -> TextSpace:
    columns = np.array(buckets, np.int32)
    text = TextConfig(**config)
    return TextSpace(text, TfidfColumns.from_arrays(columns, np.ones(columns.size, np.float32), text.bits), 1.0)


NAMES = column_names(space(range(40)), 49)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_checkpoint(SCORER, NAMES, tmp_path / "some" / "where")
    return tmp_path / "some" / "where"


def spoil(folder: Path, **changes: object) -> None:
    config = orjson.loads((folder / CONFIG).read_bytes())
    (folder / CONFIG).write_bytes(orjson.dumps({**config, **changes}))


def exchange(folder: Path, **arrays: np.ndarray) -> None:
    found = {**safetensors_arrays((folder / MODEL).read_bytes()), **arrays}
    data = safetensors_bytes(found)
    (folder / MODEL).write_bytes(data)
    spoil(folder, sha256=sha256(data))


def test_what_is_known_of_n_grams_comes_back(folder: Path) -> None:
    start = read_checkpoint(folder)
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG, MODEL]
    assert np.array_equal(start.names, NAMES[SCORER.inputs.columns])
    assert np.array_equal(start.arrays["text_weights"], SCORER.arrays["text_weights"])
    assert np.array_equal(start.arrays["hidden_weights"], SCORER.arrays["hidden_weights"][:, :5])
    assert (start.heads, start.width) == (2, 5)
    before = (folder / MODEL).read_bytes()
    assert checkpoint_digest(folder) == sha256(before)
    save_checkpoint(SCORER, NAMES, folder)
    assert (folder / MODEL).read_bytes() == before


def test_n_grams_are_found_wherever_their_columns_are(folder: Path) -> None:
    inputs = inputs_of(MATRIX, LABELS, 3, 100)
    start = started_from(str(folder), inputs, column_names(space(range(20, 60)), 49))
    sizes = Sizes(40, 8, 2, 5, 4)
    arrays, fresh = (first_arrays(sizes, np.random.default_rng(1)) for _ in range(2))
    start.put_into(arrays)
    known = {int(column): place for place, column in enumerate(SCORER.inputs.columns)}
    for place in range(40):
        bucket = place + 20
        expected = SCORER.arrays["text_weights"][known[bucket]] if bucket in known else fresh["text_weights"][place]
        assert np.array_equal(arrays["text_weights"][place], expected)
    assert np.array_equal(arrays["text_gain"], SCORER.arrays["text_gain"])
    assert np.array_equal(arrays["hidden_weights"][:, 5:], fresh["hidden_weights"][:, 5:])
    for name in ("out_weights", "image_weights"):
        assert np.array_equal(arrays[name], fresh[name])


def test_texts_read_in_another_way_share_no_n_grams(folder: Path) -> None:
    inputs = inputs_of(MATRIX, LABELS, 3, 100)
    with pytest.raises(ModelError, match="knows none of the n-grams") as caught:
        started_from(str(folder), inputs, column_names(space(range(40), title_times=3), 49))
    assert "train without it" in caught.value.hint
    with pytest.raises(ModelError, match="nobody said"):
        started_from(str(folder), inputs, None)


def test_a_net_without_n_grams_makes_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="looks at no n-grams"):
        save_checkpoint(random_net(*dense_problem()), NAMES, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        save_checkpoint(SCORER, NAMES, tmp_path / "file" / "folder")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "bert"}, "holds no checkpoint of aisle's"),
        ({"version": 2}, "of version 2, and this release reads 1"),
        ({"heads": 0}, "says heads is 0"),
        ({"width": "5"}, "says width is '5'"),
        ({"grams": True}, "says grams is True"),
        ({"width": 6}, "instead of"),
        ({"sha256": "0" * 64}, "damaged, or was exchanged"),
        ({"sha256": None}, "damaged, or was exchanged"),
        ({"sha256": 5}, "damaged, or was exchanged"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(folder: Path, changes: dict[str, object], words: str) -> None:
    spoil(folder, **changes)
    with pytest.raises(ModelError, match=words) as caught:
        read_checkpoint(folder)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"text_bias": np.zeros(9, np.float32)}, "instead of float32"),
        ({"text_bias": np.zeros(10, np.float16)}, "is float16"),
        ({"text_gain": np.full(10, np.nan, np.float32)}, "are no numbers"),
        ({"names": np.zeros(30, np.int64)}, "not in order"),
        ({"more": np.zeros(1, np.float32)}, "holds"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(folder: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    exchange(folder, **arrays)
    with pytest.raises(ModelError, match=words):
        read_checkpoint(folder)


def test_what_is_missing_or_no_checkpoint_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json in"):
        read_checkpoint(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be read"):
        read_checkpoint(tmp_path / "file")
    (folder / MODEL).unlink()
    with pytest.raises(ModelError, match=r"no model\.safetensors in"):
        read_checkpoint(folder)
    for text in ("", "{", "[]", "{}"):
        (folder / CONFIG).write_text(text)
        with pytest.raises(ModelError):
            read_checkpoint(folder)
    data = b"\x08" + bytes(15)
    (folder / MODEL).write_bytes(data)
    save_checkpoint(SCORER, NAMES, folder)
    (folder / MODEL).write_bytes(data)
    spoil(folder, sha256=sha256(data))
    with pytest.raises(ModelError, match="cannot be read: its header is no JSON"):
        read_checkpoint(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from((CONFIG, MODEL)), st.integers(0, 1 << 20), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(folder: Path, name: str, place: int, change: int) -> None:
    path = folder / name
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[place % len(whole)] ^= change
    path.write_bytes(bytes(changed))
    try:
        start = read_checkpoint(folder)
        # Only a space between two words of the configuration may be another one.
        assert name == CONFIG
        assert start.arrays["text_weights"].shape == SCORER.arrays["text_weights"].shape
    except ModelError:
        pass
    finally:
        path.write_bytes(whole)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from((CONFIG, MODEL)), st.integers(0, 1 << 20))
def test_a_file_that_ends_early_is_refused(folder: Path, name: str, length: int) -> None:
    path = folder / name
    whole = path.read_bytes()
    # Without its last line feed the configuration is whole.
    path.write_bytes(whole[: length % (len(whole) - 1)])
    try:
        with pytest.raises(ModelError):
            read_checkpoint(folder)
    finally:
        path.write_bytes(whole)
