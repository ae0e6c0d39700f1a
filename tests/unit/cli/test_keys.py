"""`aisle keys`: the secret is shown once, and the list never tells it."""

import json
import re

import pytest

from tests.command_line import CommandLine


def test_a_key_alone_goes_to_standard_output(aisle: CommandLine):
    ended = aisle.ok("keys", "create", "shop", "--scope", "predict", "--scope", "review", "--requests-per-minute", 90)
    assert re.fullmatch(r"aisle_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n", ended.out)
    assert "Key of shop: predict, review, 90 times a minute" in " ".join(ended.err.split())
    listed = aisle.ok("keys", "list")
    assert "shop" in listed.text
    assert ended.out[:18] in listed.text
    assert ended.out.strip() not in listed.out
    assert ended.out.strip() not in aisle.ok("keys", "list", "--json").out


def test_by_default_a_key_is_for_predictions_and_limited(aisle: CommandLine):
    made = json.loads(aisle.ok("keys", "create", "shop", "--json").out)
    assert (made["scopes"], made["requests_per_minute"], made["expires_at"]) == (["predict"], 600, None)
    assert made["key"].startswith(f"aisle_{made['prefix']}_")


def test_without_a_limit_and_with_an_end(aisle: CommandLine):
    made = json.loads(aisle.ok("keys", "create", "bench", "--requests-per-minute", 0, "--expires", "90d", "--json").out)
    assert made["requests_per_minute"] is None
    assert made["expires_at"] > made["created_at"]


def test_rotation_and_revocation(aisle: CommandLine):
    first = aisle.ok("keys", "create", "shop").out
    ended = aisle.ok("keys", "rotate", "shop", "--grace", "12h")
    assert ended.out != first
    assert "The old key ends in 12h." in ended.err
    states = [key["state"] for key in json.loads(aisle.ok("keys", "list", "--json").out)]
    assert states == ["replaced", "active"]
    assert aisle.ok("keys", "revoke", "shop").text == "Revoked 2 keys of shop."
    assert "There is no key 'shop' that works" in aisle.refused("keys", "revoke", "shop")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "a b"), "letters, digits"),
        (("create", "shop", "--scope", "root"), "Scopes are predict, review, admin"),
        (("create", "shop", "--expires", "soon"), "no span of time"),
        (("create", "shop", "--expires", "0"), "expired from the start"),
        (("rotate", "nobody"), "There is no key 'nobody'"),
        (("rotate", "nobody", "--grace", "-1d"), "no span of time"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_way_out(aisle: CommandLine, arguments: tuple[str, ...], told: str):
    assert told in aisle.refused("keys", *arguments)


def test_an_open_server_beyond_this_machine_is_refused(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    assert "answers without keys" in aisle.refused("serve", "--open", "--host", "0.0.0.0", "--port", 0)
    monkeypatch.setenv("AISLE_SERVING_OPEN", "true")
    assert "AISLE_SERVING_OPEN" in aisle.refused("serve", "--host", "192.0.2.1", "--port", 0)
