"""Both languages say everything that the templates say, and nothing else is translated."""

import re
from importlib.resources import files

from aisle.serving.console.words import _FRENCH, preferred

_SAID = re.compile(r"""_\((?:"([^"]+)"|'([^']+)')\)""")
_ROOMS = {"Try it", "Review", "Models", "Operations", "Catalogue", "Drift", "text", "image"}
_NOTES = {"Labelled", "Kept; others will look as well.", "Passed on.", "Taken back."}
_NAMES = {"Agreement (kappa)", "Right answers, by chance's draw"}


def test_everything_that_a_page_says_is_said_in_french():
    folder = files("aisle.serving.console") / "templates"
    texts = [page.read_text(encoding="utf-8") for page in folder.iterdir()]
    said = {a or b for text in texts for a, b in _SAID.findall(text)}
    assert said <= set(_FRENCH)
    assert set(_FRENCH) - said <= _ROOMS | _NOTES | _NAMES


def test_the_browsers_first_language_that_is_spoken_here_counts():
    assert preferred(None, "de, fr;q=0.9, en;q=0.8") == "fr"
    assert preferred("en", "fr") == "en"
    assert preferred("'; DROP", "") == "en"
