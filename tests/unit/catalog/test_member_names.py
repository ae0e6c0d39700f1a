"""Names inside archives."""

import os.path
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.member_names import naming_fault

_SAFE = [
    "images/image_train/image_1_product_2.jpg",
    "images/",
    "a",
    ".hidden/x.jpg",
    "été/crème brûlée.jpg",
    "画像/一.png",
    "½ litre…/a b (1).jpg",
    "a..b/c...d",
    "name:with colon.jpg",
]
_UNSAFE = {
    "": "is empty",
    "../x": "climbs out",
    "a/../b": "climbs out",
    "a/..": "climbs out",
    "/etc/passwd": "is absolute",
    "/": "is absolute",
    "C:/x": "drive letter",
    "c:x": "drive letter",
    "a\\b": "backslash",
    "..\\x": "backslash",
    "a\0b": "control character",
    "a\nb": "control character",
    "a\x7f": "control character",
    "a//b": "more than one way",
    "./a": "more than one way",
    "a/./b": "more than one way",
    "..\uff0fx": "looks like a slash",
    "a\u2044b": "looks like a slash",
    "a\u2215b": "looks like a slash",
    "a\u29f8b": "looks like a slash",
    "a\uff3cb": "looks like a slash",
    "\uff0e\uff0e/x": "climbs out",
    "\u2025/x": "climbs out",
}


@pytest.mark.parametrize("name", _SAFE)
def test_ordinary_names_are_safe_in_any_script(name: str) -> None:
    assert naming_fault(name) is None


@pytest.mark.parametrize("name", _UNSAFE)
def test_names_that_could_lead_outside_are_named_with_their_fault(name: str) -> None:
    fault = naming_fault(name)
    assert fault is not None
    assert _UNSAFE[name] in fault


@given(st.text(st.sampled_from("ab./\\:\0\uff0f\uff0e\u2025 "), max_size=12))
def test_a_safe_name_stays_below_any_folder_however_it_is_folded(name: str) -> None:
    if naming_fault(name) is None:
        for form in (name, unicodedata.normalize("NFKC", name)):
            assert os.path.normpath(f"/top/{form}").startswith("/top/")
