"""schemathesis against a real server: what it found, and how to have it look for longer.

python -m tests.integration.contract_run [SECONDS]
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integration.serving_process import ROOT


def look(folder: Path, *, seconds: int, seed: int) -> "subprocess.CompletedProcess[str]":
    """Start the server, run schemathesis with all checks, and return how that ended.

    Args:
        folder: An empty folder, for the server and for schemathesis.
        seconds: How long it looks.
        seed: What its cases are drawn from.
    """
    command = [sys.executable, "-m", "tests.integration.contract_server", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        try:
            key = server.stdout.readline().strip()
            url = next(event["url"] for event in map(json.loads, server.stderr) if event["event"] == "serving")
            # Somebody has to read what it says, or it waits at a full pipe.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            program = Path(sys.executable).with_name("schemathesis")
            options = ["--config-file", str(ROOT / "tests/integration/contract.toml"), "run", f"{url}/openapi.json"]
            options += ["--header", f"Authorization: Bearer {key}", "--max-time", str(seconds), "--seed", str(seed)]
            return subprocess.run(
                [str(program), *options, "--no-color"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + 240,
            )
        finally:
            server.kill()


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        found = look(Path(place), seconds=int(sys.argv[1]) if len(sys.argv) > 1 else 600, seed=int.from_bytes(os.urandom(4)))
    print(found.stdout, found.stderr)
    sys.exit(found.returncode)
