"""The tree of errors: as its docstring draws it, with a stable code and a hint for each."""

import inspect
import re

import pytest

from aisle import errors
from aisle.errors import AisleError, ObjectNotFound, SessionExpired

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, AisleError)]
LINE = re.compile(r"^(?P<indent>[│├└─\s]*)(?P<name>[A-Z]\w+)(?:\s{2,}(?P<meaning>.+))?$")


def drawn_tree() -> dict[str, str]:
    """Return the docstring's tree: each class's name, and the name of the class that it hangs from."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in inspect.getdoc(errors).splitlines():
        found = LINE.match(line.removeprefix("    "))
        if found is None or not line.startswith("    "):
            continue
        depth = len(found["indent"]) // 4
        path[depth:] = [found["name"]]
        if depth:
            parents[found["name"]] = path[depth - 1]
    return parents


def test_the_drawing_is_the_tree():
    assert drawn_tree() == {cls.__name__: cls.__base__.__name__ for cls in CLASSES if cls is not AisleError}


def test_the_drawing_is_read_at_every_depth():
    assert drawn_tree()["ObjectNotFound"] == "ObjectStoreError"
    assert drawn_tree()["SettingsError"] == "AisleError"


def test_codes_are_unique_and_in_kebab_case():
    codes = [make(cls).code for cls in CLASSES if cls is not AisleError]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize(
    ("cls", "code"),
    [(ObjectNotFound, "object-not-found"), (SessionExpired, "session-expired"), (errors.DatabaseError, "database")],
)
def test_a_code_comes_from_the_name(cls: type[AisleError], code: str):
    assert cls("message").code == code


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_says_what_it_means(cls: type[AisleError]):
    assert cls.__doc__
    assert cls.__doc__.splitlines()[0].endswith(".")


@pytest.mark.parametrize(("hint", "shown"), [("", "It broke."), ("Mend it.", "It broke. Mend it.")])
def test_an_error_is_its_message_and_its_hint(hint: str, shown: str):
    error = AisleError("It broke.", hint=hint)
    assert (str(error), error.message, error.hint) == (shown, "It broke.", hint)


def make(cls: type[AisleError]) -> AisleError:
    """Make an error of a class, with an empty value for each argument that it needs beyond the message."""
    needed = [
        parameter
        for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]
        if parameter.default is inspect.Parameter.empty
    ]
    positional = ["" for parameter in needed if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
    return cls(*positional, **{p.name: () for p in needed if p.kind is inspect.Parameter.KEYWORD_ONLY})
