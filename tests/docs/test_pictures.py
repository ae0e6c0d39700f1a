"""The documents' pictures: each is shown somewhere, and small enough for a repository."""

import re

from PIL import Image

from tests.docs.markdown import ROOT, documents

_SHOWN = re.compile(r"!\[[^\]]+\]\(([^)\s]+)\)")
PICTURES = sorted((ROOT / "docs" / "images").iterdir())


def test_every_picture_is_small_and_shown() -> None:
    found = [(document, target) for document in documents() for target in _SHOWN.findall(document.text)]
    shown = {(document.path.parent / target).resolve() for document, target in found if "://" not in target}
    assert all(picture.is_file() for picture in shown)
    assert PICTURES
    for picture in PICTURES:
        assert picture.resolve() in shown, picture.name
        assert picture.stat().st_size <= 45_000, picture.name
        with Image.open(picture) as opened:
            assert max(opened.size) <= 1_200, picture.name
