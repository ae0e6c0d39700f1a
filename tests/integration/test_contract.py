"""The OpenAPI document held against a real server by an outsider: schemathesis, with its checks."""

import subprocess
import sys
from pathlib import Path

import pytest

from aisle.models.bundle import write_bundle
from aisle.serving.routes import streams
from tests.integration.serving_process import serving_process
from tests.unit.models.examples import fitted, parts

SECONDS = 25
# The document cannot say all that the server checks, as that an image is an image or that tensors are of one length: so what
# schemathesis takes for right may be refused, and what it takes for wrong may be right. Of NDJSON it can make no bodies:
# tests/integration/test_streams.py does. This server is open, so that authentication is ignored on purpose, and has no
# database: tests/integration/test_serving_access.py and test_serving_records.py hold what needs keys and records.
EXCLUDED = "negative_data_rejection,positive_data_acceptance,ignored_auth"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", parts(model=fitted(images=True)))
    with serving_process(tmp_path / "bundle") as started:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{started.url}/openapi.json"]
        command += ["--checks", "all", "--exclude-checks", EXCLUDED, "--max-time", str(SECONDS), "--seed", "1"]
        command += ["--no-color", "--suppress-health-check", "all", "--warnings", "off", "--exclude-path", streams.PATH]
        command += ["--exclude-path-regex", "^/v1/(models$|models/.*/promote|models/rollback|feedback)"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-20_000:]
