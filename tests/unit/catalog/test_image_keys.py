"""Where images lie."""

import pytest

from aisle.catalog.image_keys import image_key


@pytest.mark.parametrize(
    ("prefix", "split", "key"),
    [("", "train", "x_train/a.jpg"), ("shop/", "test", "shop/x_test/a.jpg"), ("a/b/", "train", "a/b/x_train/a.jpg")],
)
def test_a_key_tells_source_split_and_name(prefix: str, split: str, key: str) -> None:
    assert image_key(prefix, split, "a.jpg") == key


def test_keys_of_different_images_differ() -> None:
    places = [(prefix, split, name) for prefix in ("", "s/") for split in ("train", "test") for name in ("a", "b")]
    assert len({image_key(*place) for place in places}) == len(places)
