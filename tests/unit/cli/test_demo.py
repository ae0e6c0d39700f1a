"""`aisle demo`: what it does when something on its way is not as it should be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aisle.cli.demo import _ask, _ready_address
from aisle.errors import AisleError, PipelineError
from tests.catalogues import write_challenge


def test_a_catalogue_that_the_gate_refuses_ends_with_the_reason_and_no_waiting(tmp_path: Path):
    folder = write_challenge(tmp_path / "shop", train=200, test=4, images=False)
    done = subprocess.run(
        [sys.executable, "-m", "aisle", "demo", "--catalog", folder, "--home", tmp_path / "demo"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        timeout=120,
    )
    assert done.returncode == 1
    assert "nothing is decided below 100" in done.stdout
    assert "did not pass the gate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_ends_by_itself_is_told_with_its_log(tmp_path: Path):
    log = tmp_path / "serve.log"
    log.write_text("it broke\n")
    with subprocess.Popen([sys.executable, "-c", "pass"]) as server:
        server.wait()
        with pytest.raises(PipelineError, match=r"serve\.log"):
            _ready_address(server, log)


def test_a_server_without_an_answer_is_an_error(tmp_path: Path):
    with pytest.raises(AisleError, match="gave no answer"):
        _ask("http://127.0.0.1:1")
