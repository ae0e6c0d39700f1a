"""Features of images: equal to a plain reference, one row whatever its neighbours, and zeros for what cannot be seen."""

import importlib
import io
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from threadpoolctl import threadpool_limits

import aisle.features
from aisle.catalog.images import decode_rgb
from aisle.errors import BundleError, ModelError
from aisle.features.image import ARRAYS, ImageConfig, ImageFeatures
from aisle.features.image_config import ImageConfig as Configured
from aisle.features.image_description import look_at, write_words
from tests.unit.features import image_reference as reference

CONFIG = ImageConfig(
    words=24,
    shape_directions=12,
    shape_landmarks=40,
    shape_outputs=20,
    look_directions=12,
    look_landmarks=40,
    look_outputs=16,
)


def _saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _drawn(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A shape or two of noise on white."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, "white")
    noise = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    mask = Image.new("L", size, 0)
    corners = np.sort(rng.uniform(0.05, 0.95, (2, 2)), axis=0) * size
    draw = ImageDraw.Draw(mask)
    (draw.ellipse if seed % 2 else draw.rectangle)([tuple(corners[0]), tuple(corners[1] + 8)], fill=255)
    image.paste(noise, mask=mask)
    return image


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    return [_saved(_drawn(seed), "JPEG", quality=90) for seed in range(60)]


@pytest.fixture(scope="module")
def features(files: list[bytes]) -> ImageFeatures:
    return ImageFeatures.learn(files, CONFIG, seed=3)


def _described(features: ImageFeatures, data: bytes) -> NDArray[np.float32]:
    numbers = np.full(sum(CONFIG.blocks.values()), 7, np.float32)
    words = CONFIG.blocks["words"]
    write_words(look_at(data, CONFIG, words, numbers), features.dictionary, CONFIG, numbers[:words])
    return numbers


@pytest.mark.parametrize("seed", range(6))
def test_the_description_is_that_of_the_reference(features: ImageFeatures, seed: int) -> None:
    data = _saved(_drawn(seed, ((160, 120), (64, 200), (128, 128))[seed % 3]))
    numbers = _described(features, data)
    expected = reference.description(decode_rgb(data, CONFIG.decoded), features.dictionary, CONFIG)
    start = 0
    for block, width in CONFIG.blocks.items():
        # A pixel on the border of two bins may fall into either: of 1,024, at most a few do.
        close = 0.07 if block in {"colours", "tones", "moments"} else 2e-3
        assert np.abs(numbers[start : start + width] - expected[start : start + width]).max() < close, block
        start += width


def test_rows_are_the_maps_of_the_reference(features: ImageFeatures, files: list[bytes]) -> None:
    rows = features.rows(files[:3]).values
    shapes = CONFIG.blocks["words"] + CONFIG.blocks["edges"]
    for data, row in zip(files, rows, strict=False):
        numbers = _described(features, data)
        plain = (numbers[-features.mean.size :] - features.mean) * features.scale
        expected = [reference.mapped(numbers[:shapes], features.shape), reference.mapped(numbers[shapes:], features.look)]
        np.testing.assert_allclose(row, np.concatenate([*expected, plain]), atol=1e-4)


def test_a_row_depends_on_no_neighbour_and_no_thread(features: ImageFeatures, files: list[bytes]) -> None:
    together = features.rows(files).values
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda data: features.rows([data]).values[0], files))
    assert np.array_equal(together, np.stack(alone))
    shifted = features.rows([None, b"broken", *files[5:40]])
    assert np.array_equal(shifted.values[2:], together[5:40])
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            assert np.array_equal(features.rows(files).values, together)


def test_the_same_files_and_seed_give_the_same_bytes(features: ImageFeatures, files: list[bytes]) -> None:
    with threadpool_limits(1):
        again = ImageFeatures.learn(files, CONFIG, seed=3)
    assert again.to_parts() == features.to_parts()
    assert ImageFeatures.learn(files, CONFIG, seed=4).to_parts() != features.to_parts()


def test_parts_come_back_as_they_were(features: ImageFeatures, files: list[bytes]) -> None:
    settings, parts = features.to_parts()
    back = ImageFeatures.from_parts(settings, parts)
    assert back.width == features.width == features.rows([]).values.shape[1]
    assert np.array_equal(back.rows(files).values, features.rows(files).values)
    assert back.to_parts() == (settings, parts)


def _without(name: str) -> Callable[[dict[str, NDArray[np.float32]]], None]:
    return lambda arrays: arrays.__delitem__(name)


def _spoilt(arrays: dict[str, NDArray[np.float32]]) -> None:
    arrays["look_shift"][0] = np.nan


def _narrow(arrays: dict[str, NDArray[np.float32]]) -> None:
    arrays["shape_projection"] = arrays["shape_projection"][:, 1:]


def _flat(arrays: dict[str, NDArray[np.float32]]) -> None:
    arrays["shape_transform"] = arrays["shape_transform"][0]


def _doubled(arrays: dict[str, NDArray[np.float32]]) -> None:
    arrays["mean"] = arrays["mean"].astype(np.float64)


@pytest.mark.parametrize("spoil", [_without("mean"), _without("words_bias"), _spoilt, _narrow, _flat, _doubled])
def test_damaged_arrays_are_refused(
    features: ImageFeatures, spoil: Callable[[dict[str, NDArray[np.float32]]], None]
) -> None:
    settings, parts = features.to_parts()
    with np.load(io.BytesIO(parts[ARRAYS])) as archive:
        arrays = {name: archive[name] for name in archive.files}
    spoil(arrays)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    with pytest.raises(BundleError) as caught:
        ImageFeatures.from_parts(settings, {ARRAYS: stream.getvalue()})
    assert caught.value.hint


@pytest.mark.parametrize("settings", [{}, {"config": {"size": 64, "huge": 1}}, {"config": {"size": -1}}, {"config": None}])
def test_damaged_settings_are_refused(features: ImageFeatures, settings: dict[str, object]) -> None:
    with pytest.raises(BundleError):
        ImageFeatures.from_parts(settings, features.to_parts()[1])


def test_missing_and_cut_files_are_refused(features: ImageFeatures) -> None:
    settings, parts = features.to_parts()
    for files in ({}, {ARRAYS: parts[ARRAYS][:500]}, {ARRAYS: b""}):
        with pytest.raises(BundleError):
            ImageFeatures.from_parts(settings, files)


def test_a_missing_or_broken_image_is_a_row_of_zeros(features: ImageFeatures, files: list[bytes]) -> None:
    found = features.rows([None, files[0], files[0][:400], b"no image", b""])
    assert found.seen.tolist() == [False, True, False, False, False]
    assert found.problems == (None, None, "truncated", "not_an_image", "not_an_image")
    assert found.values.dtype == np.float32
    assert not found.values[[0, 2, 3, 4]].any()
    assert found.values[1].any()


@pytest.mark.parametrize(
    "data",
    [
        _saved(Image.new("RGB", (1, 1), "red")),
        _saved(Image.new("RGB", (80, 80), "white")),
        _saved(Image.new("RGB", (80, 80), "black")),
        _saved(_drawn(1).convert("L")),
        _saved(_drawn(1).convert("CMYK"), "JPEG"),
        _saved(Image.fromarray(np.linspace(0, 65_535, 1_600).astype(np.uint16).reshape(40, 40))),
        _saved(Image.new("RGBA", (50, 40), (10, 200, 30, 90))),
        _saved(Image.new("RGB", (2_000, 1), "blue")),
        _saved(Image.new("RGB", (1, 2_000), "blue")),
        _saved(Image.effect_noise((300, 20), 90).convert("RGB")),
        _saved(_drawn(2), "GIF"),
        _saved(_drawn(2), "WEBP"),
    ],
)
def test_odd_images_have_finite_features(features: ImageFeatures, data: bytes) -> None:
    found = features.rows([data])
    assert found.seen.all()
    assert found.problems == (None,)
    assert np.isfinite(found.values).all()
    assert np.abs(found.values).max() < 1_000


def test_likeness_is_kept(features: ImageFeatures) -> None:
    image = _drawn(1)
    brighter = image.point(lambda value: min(255, round(value * 1.05)))
    flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    own, bright, mirrored, moved, other = features.rows(
        [_saved(some) for some in (image, brighter, flipped, _moved(image), _drawn(2))]
    ).values
    apart = np.linalg.norm(own - other)
    assert np.linalg.norm(own - bright) < apart / 2
    assert np.linalg.norm(own - mirrored) > 1e-3
    # The border is cut off, so it hardly matters where on white a product lies.
    assert np.linalg.norm(own - moved) < apart


def _moved(image: Image.Image) -> Image.Image:
    moved = Image.new("RGB", (200, 150), "white")
    moved.paste(image, (30, 10))
    return moved


@pytest.mark.parametrize("examples", [[], [b"broken"], [_saved(Image.new("RGB", (9, 9), "white"))], [_saved(_drawn(1))]])
def test_few_or_no_usable_examples_still_give_features(examples: list[bytes], files: list[bytes]) -> None:
    features = ImageFeatures.learn(examples, CONFIG, seed=1)
    found = features.rows(files[:2])
    assert found.seen.all()
    assert np.isfinite(found.values).all()
    back = ImageFeatures.from_parts(*features.to_parts())
    assert np.array_equal(back.rows(files[:2]).values, found.values)


def test_broken_examples_are_passed_over(files: list[bytes], features: ImageFeatures) -> None:
    assert ImageFeatures.learn([b"", *files, b"x"], CONFIG, seed=3).to_parts() == features.to_parts()


def test_the_defaults_stay_small(files: list[bytes]) -> None:
    config = ImageConfig()
    most = config.shape_outputs + config.look_outputs + 69
    assert most <= 1_000
    assert Configured.from_json(config.to_json()) == config
    assert ImageFeatures.learn(files, config, seed=1).width <= most


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"size": 60}, {"white": 300}, {"words": True}, {"decoded": 1_024}, {"colour_cells": 1.5}]
)
def test_numbers_without_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ModelError):
        ImageConfig(**wrong)


def test_importing_loads_no_optimiser() -> None:
    program = "import sys, aisle.features.image; print(sorted({'sklearn', 'xgboost'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_kernels_share_no_compiled_code() -> None:
    """Of two versions of a shared kernel the first that is loaded serves both callers, and their last bits may differ."""
    kernels = {
        (module.name, name): found
        for module in pkgutil.iter_modules(aisle.features.__path__)
        if module.name.startswith(("image", "patches"))
        for name, found in vars(importlib.import_module(f"aisle.features.{module.name}")).items()
        if isinstance(found, Dispatcher)
    }
    assert len(kernels) > 10
    shared = [
        (caller, name)
        for (module, caller), kernel in kernels.items()
        for name in kernel.py_func.__code__.co_names
        if (module, name) in kernels and kernels[module, name].targetoptions.get("inline") != "always"
    ]
    assert shared == []
