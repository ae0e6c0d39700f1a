"""The OpenAPI document held against a real server by an outsider: schemathesis, with all its checks.

The server has a database, keys, a canary and a shadow, and lets nobody in without a key. What is left out, for which
operation and why, is in `contract.toml`. `python -m tests.integration.contract_run SECONDS` looks for longer.
"""

from pathlib import Path

import pytest

from tests.integration.contract_run import look

SECONDS = 20


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    done = look(tmp_path, seconds=SECONDS, seed=1)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
