import pytest

from aisle.serving.attempt import Attempt


def test_a_block_that_goes_well_leaves_no_error() -> None:
    with Attempt() as made:
        pass
    assert made.error is None


def test_an_error_is_kept_and_an_end_of_the_process_is_not_held_up() -> None:
    with Attempt() as made:
        raise KeyError("a")
    assert isinstance(made.error, KeyError)
    with pytest.raises(SystemExit), Attempt() as made:
        raise SystemExit
    assert made.error is None
