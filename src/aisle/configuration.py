"""Reading settings: the sources in their order, defaults under `AISLE_HOME`, refusals that name the nearest valid name.

An empty value in the environment, in `.env` or in a secret file counts as not set. Paths are relative to the folder in
which `.env` and `aisle.toml` lie.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from aisle.errors import SettingsError
from aisle.settings import CONCERNS, Concern, Settings, variable

_META = {"AISLE_CONFIG", "AISLE_SECRETS_DIR"}
_TRACES, _COLLECTOR = "AISLE_SERVING_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
_PASSWORD_IN_QUERY = re.compile(r"(password=)[^&]*")


def load_settings(environ: Mapping[str, str] | None = None, *, folder: Path | None = None) -> Settings:
    """Read every setting once and return them with their origins.

    Args:
        environ: The environment; the process's own by default.
        folder: Where `.env` and `aisle.toml` lie; the working directory by default. `AISLE_CONFIG` names another TOML file.

    Raises:
        SettingsError: A name is unknown or a value malformed; the message names the source and the nearest valid name.
    """
    environ = os.environ if environ is None else environ
    folder = folder or Path.cwd()
    known = {variable(c, f): (c, f) for c in CONCERNS for f in c.model_fields}
    layers = _layers(environ, folder)
    values: dict[str, Any] = {}
    origins = dict.fromkeys(known, "default")
    for origin, layer in reversed(layers):
        for name, value in layer.items():
            if name not in known:
                raise _unknown(name, origin, known)
            values[name], origins[name] = value, origin
    if (endpoint := environ.get(_COLLECTOR)) and _TRACES not in values:
        # The name by which every other program of a house is told where its traces go.
        values[_TRACES], origins[_TRACES] = endpoint, f"environment ({_COLLECTOR})"
    _fill_embedded(values, folder)
    built: dict[str, Concern] = {}
    for concern in CONCERNS:
        fields = {f: values[variable(concern, f)] for f in concern.model_fields if variable(concern, f) in values}
        try:
            built[concern.__name__.lower()] = concern(**fields)
        except ValidationError as error:
            raise _malformed(concern, error, origins) from None
    return Settings(**built, origins=origins)  # type: ignore[arg-type]


def shown_value(value: Any) -> str:
    """Return a setting's value for a screen: secrets and passwords inside addresses are masked.

    >>> shown_value(SecretStr("postgresql://me:hunter2@db/x")), shown_value(SecretStr("abc")), shown_value(5)
    ('postgresql://me:****@db/x', '****', '5')
    """
    if value is None:
        return ""
    is_secret = isinstance(value, SecretStr)
    text = value.get_secret_value() if is_secret else str(value)
    scheme, found, rest = text.partition("://")
    if not found:
        return "****" if is_secret else text
    credentials, at, host = rest.rpartition("@")
    shown = f"{scheme}://{credentials.partition(':')[0]}:****@{host}" if at else text
    return _PASSWORD_IN_QUERY.sub(r"\1****", shown)


def _layers(environ: Mapping[str, str], folder: Path) -> list[tuple[str, dict[str, Any]]]:
    dotenv = _ours(_dotenv(folder / ".env"))
    process = _ours(environ)
    meta = {**dotenv, **process}
    layers: list[tuple[str, dict[str, Any]]] = [
        ("environment", {name: value for name, value in process.items() if name not in _META}),
        (".env", {name: value for name, value in dotenv.items() if name not in _META}),
    ]
    if "AISLE_SECRETS_DIR" in meta:
        secrets = folder / meta["AISLE_SECRETS_DIR"]
        if not secrets.is_dir():
            raise SettingsError(f"AISLE_SECRETS_DIR names {secrets}, which is no folder.", hint="Create it, or unset it.")
        files = {path.name.upper(): path for path in secrets.iterdir() if path.name.startswith("aisle_")}
        layers.append((f"secret file in {secrets}", _ours({name: _text(path).strip() for name, path in files.items()})))
    toml = folder / meta.get("AISLE_CONFIG", "aisle.toml")
    if toml.is_file():
        layers.append((toml.name, _toml_values(toml)))
    elif "AISLE_CONFIG" in meta:
        raise SettingsError(f"AISLE_CONFIG names {toml}, which is no file.", hint="Name an existing TOML file, or unset it.")
    return layers


def _ours(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name.startswith("AISLE_") and value}


def _dotenv(path: Path) -> dict[str, str | None]:
    # Values are taken as they stand: a password may hold a dollar sign.
    return dotenv_values(stream=StringIO(_text(path)), interpolate=False) if path.is_file() else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", hint="Make it a readable file in UTF-8.") from None


def _toml_values(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.", hint="Mend the line it names.") from None
    values: dict[str, Any] = {}
    for section, entry in content.items():
        if isinstance(entry, dict):
            values.update({f"AISLE_{section}_{field}".upper(): value for field, value in entry.items()})
        else:
            values[f"AISLE_{section}".upper()] = entry
    return values


def _fill_embedded(values: dict[str, Any], folder: Path) -> None:
    given = values.get("AISLE_HOME", ".aisle")
    if not isinstance(given, str):
        return  # a number in TOML: refused with the name of the setting, like every malformed value
    home = (folder / Path(given).expanduser()).absolute()
    values["AISLE_HOME"] = home
    values.setdefault("AISLE_DATABASE_URL", _sqlite(home / "aisle.db"))
    values.setdefault("AISLE_OBJECTS_URL", (home / "objects").as_uri())
    if "AISLE_TRACKING_URL" not in values:
        values["AISLE_TRACKING_URL"] = _sqlite(home / "mlflow.db")
        values.setdefault("AISLE_TRACKING_ARTIFACT_ROOT", (home / "mlflow-artifacts").as_uri())


def _sqlite(path: Path) -> str:
    return f"sqlite:///{quote(str(path))}"


def _unknown(name: str, origin: str, known: Mapping[str, object]) -> SettingsError:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return SettingsError(
        f"{name} (from {origin}) is no setting of aisle.",
        hint=f"Did you mean {nearest}? `aisle config show` lists them all.",
    )


def _malformed(concern: type[Concern], error: ValidationError, origins: Mapping[str, str]) -> SettingsError:
    first = error.errors(include_url=False, include_input=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    name = variable(concern, field)
    description = concern.model_fields[field].description if field in concern.model_fields else ""
    return SettingsError(
        f"{name} (from {origins.get(name, 'default')}) is not usable: {first['msg']}.", hint=f"It means: {description}"
    )
