"""`aisle serve`: what it refuses before it listens."""

import socket

import pytest

from tests.command_line import CommandLine


def test_a_port_that_is_taken_is_refused_with_a_way_out(aisle: CommandLine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = aisle.refused("serve", "--port", taken.getsockname()[1])
    assert "Cannot listen on http://127.0.0.1:" in said
    assert "AISLE_SERVING_PORT" in said


def test_an_address_of_another_machine_is_refused(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AISLE_SERVING_HOST", "192.0.2.1")
    monkeypatch.setenv("AISLE_SERVING_PORT", "0")
    assert "Cannot listen on http://192.0.2.1:0" in aisle.refused("serve")


def test_a_version_that_is_not_there_is_refused_before_it_listens(aisle: CommandLine):
    said = aisle.refused("serve", "--pin", 7)
    assert "There is no version 7 to serve (AISLE_SERVING_PIN, --pin); there is none yet." in said
    assert "aisle models list" in said


def test_the_setting_is_checked_like_the_option(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AISLE_SERVING_PIN", "3")
    assert "no version 3" in aisle.refused("serve")


def test_a_shadow_that_is_not_there_is_refused(aisle: CommandLine):
    assert "There is no version 7 to serve (AISLE_SERVING_SHADOW, --shadow)" in aisle.refused("serve", "--shadow", 7)


def test_a_canary_that_is_not_there_and_a_share_that_is_none_are_refused(aisle: CommandLine):
    assert "There is no version 7 to serve (AISLE_SERVING_CANARY, --canary)" in aisle.refused("serve", "--canary", 7)
    for share in (0, 1, -0.1, "nan"):
        assert "lies between 0 and 1" in aisle.refused("serve", "--canary", 7, "--canary-share", share)
