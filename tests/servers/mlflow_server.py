"""A real MLflow server: runs in PostgreSQL, artefacts in S3, in the environment that `requirements/mlflow.txt` locks."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.process import ServerProcess, answers_ok, free_port
from tests.servers.rados_gateway import RadosGateway

_PROGRAM = Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "mlflow"


class MlflowServer:
    """An MLflow server on loopback that hands artefacts through; use it as a context manager.

    Args:
        database_url: An empty PostgreSQL database for runs and models.
        gateway: The S3 server that takes the artefacts.
        bucket: A bucket of it that exists.
    """

    def __init__(self, database_url: str, gateway: RadosGateway, bucket: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._database_url = database_url
        self._destination = f"s3://{bucket}/mlflow"
        self._folder = Path(tempfile.mkdtemp(prefix="aisle-mlflow-"))
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "MLFLOW_S3_ENDPOINT_URL": gateway.url,
            "AWS_ACCESS_KEY_ID": gateway.access_key,
            "AWS_SECRET_ACCESS_KEY": gateway.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            # Jobs would start eight more processes, and two gigabytes.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self._process: ServerProcess | None = None

    @staticmethod
    def available() -> str | None:
        """Return why there can be no server here, or None if there can."""
        return None if _PROGRAM.is_file() else "the MLflow server is not installed (scripts/setup-servers.sh)"

    def __enter__(self) -> Self:
        self._process = ServerProcess(
            [
                *(_PROGRAM, "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
                *("--backend-store-uri", self._database_url, "--artifacts-destination", self._destination),
                *("--allowed-hosts", f"127.0.0.1:{self.port},localhost:{self.port}"),
            ],
            log=self._folder / "log",
            environment=self._environment,
        )
        try:
            self._process.wait_ready(self._answers, seconds=120)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        return answers_ok(self.port, "/health", timeout_s=5)
