"""Settings classes: frozen, strict, described, and each field with one name outside."""

import re

import pytest
from pydantic import SecretStr, ValidationError

from aisle.settings import CONCERNS, Concern, Database, Objects, Serving, Settings, Training, Workspace, variable

FIELDS = [(concern, name) for concern in CONCERNS for name in concern.model_fields]
SECRET_WORDS = ("secret", "password", "token", "sessionid", "database_url", "metrics_key")


def needed(concern: type[Concern]) -> dict[str, str]:
    return {name: "file:///x" for name, field in concern.model_fields.items() if field.is_required()}


@pytest.mark.parametrize("concern", CONCERNS, ids=lambda concern: concern.__name__)
class TestEveryConcern:
    def test_is_frozen(self, concern: type[Concern]):
        made = concern(**needed(concern))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(made, next(iter(concern.model_fields)), "other")

    def test_refuses_a_name_that_it_does_not_know(self, concern: type[Concern]):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            concern(**needed(concern), made_up="1")

    def test_has_usable_defaults(self, concern: type[Concern]):
        assert concern(**needed(concern)) == concern(**needed(concern))


@pytest.mark.parametrize(("concern", "field"), FIELDS, ids=[variable(*pair) for pair in FIELDS])
class TestEveryField:
    def test_says_what_it_means(self, concern: type[Concern], field: str):
        description = concern.model_fields[field].description
        assert description
        assert description.endswith(".")

    def test_is_a_secret_if_its_name_says_so(self, concern: type[Concern], field: str):
        says_so = any(word in variable(concern, field).lower() for word in SECRET_WORDS)
        assert ("SecretStr" in str(concern.model_fields[field].annotation)) == (says_so or field == "csrftoken")


def test_names_outside_are_unique_and_share_a_prefix():
    names = [variable(concern, field) for concern, field in FIELDS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"AISLE(_[A-Z0-9]+)+", name) for name in names)


def test_the_settings_of_a_process_have_one_field_a_concern():
    assert list(Settings.__dataclass_fields__) == [*(concern.__name__.lower() for concern in CONCERNS), "origins"]


def test_secrets_are_not_printed_by_accident():
    database = Database(url=SecretStr("postgresql://me:hunter2@host/x"))
    objects = Objects(url="http://host", secret_key=SecretStr("hunter2"))
    assert "hunter2" not in repr(database) + str(database) + repr(objects) + objects.model_dump_json()


@pytest.mark.parametrize(
    ("concern", "values"),
    [
        (Serving, {"port": 65_536}),
        (Serving, {"port": "eighty"}),
        (Serving, {"threads": 0}),
        (Training, {"gold_share": 0}),
        (Training, {"gold_share": 0.5}),
        (Workspace, {"log_level": "loud"}),
        (Database, {"url": "x", "pool_size": 0}),
        (Objects, {"url": "x", "timeout_s": 0}),
    ],
)
def test_values_out_of_range_are_refused(concern: type[Concern], values: dict[str, object]):
    with pytest.raises(ValidationError):
        concern(**values)
