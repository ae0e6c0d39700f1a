import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.registry.key_secrets import Seal, key_prefix, new_key


def test_no_two_keys_are_alike_and_each_is_long_enough_to_be_guessed_by_nobody() -> None:
    made = [new_key() for _ in range(1_000)]
    assert len({key for _, key in made}) == len({prefix for prefix, _ in made}) == 1_000
    assert {len(key) for _, key in made} == {len("aisle_") + 12 + 1 + 43}  # 43 letters of base64 are 256 bits


def test_a_seal_fits_its_key_and_no_other() -> None:
    (_, key), (_, other) = new_key(), new_key()
    seal = Seal.of(key)
    assert seal.fits(key)
    assert not seal.fits(other)
    assert not seal.fits(key[:-1])
    assert not seal.fits("")


def test_a_seal_tells_nothing_of_the_key_and_is_another_each_time() -> None:
    _, key = new_key()
    one, two = Seal.of(key), Seal.of(key)
    assert one != two
    assert key.rpartition("_")[2] not in one.text


def test_a_seal_is_kept_as_text() -> None:
    seal = Seal.of("anything")
    assert Seal.read(seal.text) == seal


@pytest.mark.parametrize("text", ["", "md5:00:00", "hmac-sha256:00", "hmac-sha256:zz:00", "a:b:c:d"])
def test_what_is_no_seal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Seal.read(text)


@given(st.text())
def test_nothing_but_a_key_has_the_form_of_one(text: str) -> None:
    assert key_prefix(text) is None


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda key: key + "\n",
        lambda key: " " + key,
        lambda key: key.upper(),
        lambda key: key + "A",
        lambda key: key[:-1] + "\u00e9",
        lambda key: key.replace("_", "\uff3f", 1),
        lambda key: key[:-1] + "'",
        lambda key: key * 1_000,
    ],
)
def test_a_key_that_is_almost_one_is_none(spoilt) -> None:
    assert key_prefix(spoilt(new_key()[1])) is None
