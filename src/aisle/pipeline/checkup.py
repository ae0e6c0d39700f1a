"""A check-up: everything that this installation leans on, looked at for real, and what to do where it is not well."""

import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
import psutil
from sqlalchemy import make_url

from aisle.errors import AisleError
from aisle.registry.ledger import Ledger
from aisle.settings import Settings
from aisle.storage.database import Database
from aisle.storage.objects import Objects

State = Literal["ok", "warning", "failed"]
"""How something is: well, worth a look, or in the way of everything that needs it."""

_OLDEST_POSTGRESQL = 14
_GB = 1e9
_PLACEHOLDERS = frozenset(
    {"admin", "aisle", "airflow", "changeme", "change-me", "example", "minio", "minioadmin", "password", "postgres", "root"}
    | {"secret", "test"}
)
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing.

    Args:
        name: The thing.
        state: How it is.
        detail: What was seen.
        remedy: What to do; empty where nothing needs to be done.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine(settings: Settings, database: Database, objects: Objects) -> Iterator[Finding]:
    """Look at one thing after the other; one that fails does not keep the next from being looked at.

    Args:
        settings: Every setting.
        database: The database, whatever its schema.
        objects: The object store.
    """
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("secrets", lambda: _secrets(settings)),
        ("database", lambda: _database(database)),
        ("schema", lambda: _schema(database)),
        (f"bucket {settings.objects.image_bucket}", lambda: _bucket(objects, settings.objects.image_bucket)),
        (f"bucket {settings.objects.artifact_bucket}", lambda: _bucket(objects, settings.objects.artifact_bucket)),
        ("mlflow", lambda: _mlflow(settings.tracking.url)),
        ("champion", lambda: _champion(database)),
        ("port", lambda: _port(settings.serving.host, settings.serving.port)),
        ("disk", lambda: _disk(settings.workspace.home)),
        ("memory", _memory),
    )
    for name, look in looks:
        try:
            yield look()
        except AisleError as error:
            yield Finding(name, "failed", error.message, error.hint)


def _secrets(settings: Settings) -> Finding:
    secret_key = settings.objects.secret_key
    given = {
        "AISLE_DATABASE_URL": make_url(settings.database.url.get_secret_value()).password,
        "AISLE_OBJECTS_ACCESS_KEY": settings.objects.access_key,
        "AISLE_OBJECTS_SECRET_KEY": secret_key.get_secret_value() if secret_key else None,
    }
    known = [name for name, value in given.items() if value is not None and value.lower() in _PLACEHOLDERS]
    if known:
        return Finding(
            "secrets",
            "failed",
            f"{' and '.join(known)}: a word that everybody tries first.",
            "Run `make secrets`, or choose.",
        )
    told = sum(value is not None for value in given.values())
    return Finding(
        "secrets", "ok", f"{told} given, none of them a default" if told else "none needed: everything is in files"
    )


def _database(database: Database) -> Finding:
    version = database.server_version()
    if database.is_postgresql and int(version.split(".")[0]) < _OLDEST_POSTGRESQL:
        return Finding(
            "database",
            "failed",
            f"{database.address} is PostgreSQL {version}, and {_OLDEST_POSTGRESQL} is the oldest that is known to do.",
            "Move it to a newer server: `aisle backup` there, `aisle restore` here.",
        )
    return Finding("database", "ok", f"{'PostgreSQL' if database.is_postgresql else 'SQLite'} {version}, {database.address}")


def _schema(database: Database) -> Finding:
    if database.is_postgresql:
        database.check()
    else:
        database.migrate()  # a file of one's own follows the program
    return Finding("schema", "ok", f"revision {database.revision()}")


def _bucket(objects: Objects, name: str) -> Finding:
    """Write an object, read it back and remove it: only that tells that all three may be done."""
    bucket, key, content = objects.bucket(name), f"checkups/{secrets.token_hex(8)}", secrets.token_bytes(64)
    bucket.create(key, content)
    same = bucket.get(key) == content
    bucket.delete(key)
    if not same:
        return Finding(
            f"bucket {name}", "failed", f"{objects.address} gave back other bytes than it got.", "Check its disk."
        )
    return Finding(f"bucket {name}", "ok", f"written, read and removed at {objects.address}")


def _mlflow(url: str) -> Finding:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return Finding("mlflow", "ok", "in a file")
    remedy = "Check AISLE_TRACKING_URL, and that the server runs."
    try:
        status = httpx.get(f"{url.rstrip('/')}/health", timeout=_TIMEOUT_S).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding("mlflow", "failed", f"{url} cannot be reached: {error}.", remedy)
    if status == httpx.codes.FORBIDDEN:
        return Finding(
            "mlflow", "failed", f"{url} refuses this host name.", f"Start it with --allowed-hosts {parts.netloc}."
        )
    if status != httpx.codes.OK:
        return Finding("mlflow", "failed", f"{url}/health answers {status}.", remedy)
    return Finding("mlflow", "ok", f"{url} answers")


def _champion(database: Database) -> Finding:
    database.check()
    champion = Ledger(database).champion()
    if champion is None:
        return Finding(
            "champion", "warning", "There is none yet.", "Run `aisle pipeline run FOLDER`, or the DAG train_model."
        )
    return Finding("champion", "ok", f"version {champion.version} since {champion.created_at:%Y-%m-%d %H:%M} UTC")


def _port(host: str, port: int) -> Finding:
    shown = f"{host}:{port}"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            found = error.strerror
        else:
            return Finding("port", "ok", f"{shown} is free for `aisle serve`")
    try:
        ours = httpx.get(f"http://{shown}/health/live", timeout=_TIMEOUT_S).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        ours = False
    if ours:
        return Finding("port", "ok", f"a server answers at {shown}")
    return Finding("port", "warning", f"{shown} cannot be listened on: {found}.", "Choose another AISLE_SERVING_PORT.")


def _disk(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free / _GB
    state: State = "failed" if free < 0.2 else "warning" if free < 2 else "ok"
    return Finding(
        "disk", state, f"{free:.1f} GB free at {place}", "" if state == "ok" else "Make room, or move AISLE_HOME."
    )


def _memory() -> Finding:
    free = psutil.virtual_memory().available / _GB
    few = free < 1.5
    remedy = "Stop something, or set AISLE_TRAINING_MEMORY so that a training plans for it."
    return Finding("memory", "warning" if few else "ok", f"{free:.1f} GB free", remedy if few else "")
