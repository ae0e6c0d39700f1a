"""Reading settings: the sources in their order, defaults under `AISLE_HOME`, and refusals that name the nearest valid name."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from aisle.errors import SettingsError
from aisle.settings import CONCERNS, Concern, Settings, variable

_META = {"AISLE_CONFIG", "AISLE_SECRETS_DIR"}


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
    layers = _layers(environ, folder, known)
    values: dict[str, Any] = {}
    origins = dict.fromkeys(known, "default")
    for origin, layer in reversed(layers):
        for name, value in layer.items():
            if name not in known:
                raise _unknown(name, origin, known)
            values[name], origins[name] = value, origin
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
    if not isinstance(value, SecretStr):
        return "" if value is None else str(value)
    text = value.get_secret_value()
    scheme, found, rest = text.partition("://")
    if not found:
        return "****"
    credentials, at, host = rest.rpartition("@")
    return f"{scheme}://{credentials.partition(':')[0]}:****@{host}" if at else text


def _layers(
    environ: Mapping[str, str], folder: Path, known: Mapping[str, tuple[type[Concern], str]]
) -> list[tuple[str, dict[str, Any]]]:
    dotenv = {k: v for k, v in dotenv_values(folder / ".env").items() if k.startswith("AISLE_") and v is not None}
    merged = {**dotenv, **environ}
    process = {k: v for k, v in environ.items() if k.startswith("AISLE_")}
    toml = Path(merged.get("AISLE_CONFIG", folder / "aisle.toml"))
    if "AISLE_CONFIG" in merged and not toml.is_file():
        raise SettingsError(f"AISLE_CONFIG names {toml}, which is no file.", hint="Name an existing TOML file, or unset it.")
    layers: list[tuple[str, dict[str, Any]]] = [
        ("environment", {k: v for k, v in process.items() if k not in _META}),
        (".env", {k: v for k, v in dotenv.items() if k not in _META}),
    ]
    if secrets := merged.get("AISLE_SECRETS_DIR"):
        if not Path(secrets).is_dir():
            raise SettingsError(f"AISLE_SECRETS_DIR names {secrets}, which is no folder.", hint="Create it, or unset it.")
        files = {n: Path(secrets, n.lower()) for n in known}
        layers.append((f"secret file in {secrets}", {n: p.read_text().strip() for n, p in files.items() if p.is_file()}))
    if toml.is_file():
        layers.append((toml.name, _toml_values(toml)))
    return layers


def _toml_values(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}.", hint="Mend the line it names.") from None
    values: dict[str, Any] = {}
    for section, entry in content.items():
        if isinstance(entry, dict):
            values.update({f"AISLE_{section}_{field}".upper(): value for field, value in entry.items()})
        else:
            values[f"AISLE_{section}".upper()] = entry
    return values


def _fill_embedded(values: dict[str, Any], folder: Path) -> None:
    home = Path(values.get("AISLE_HOME", ".aisle")).expanduser()
    home = (home if home.is_absolute() else folder / home).absolute()
    values["AISLE_HOME"] = home
    values.setdefault("AISLE_DATABASE_URL", f"sqlite:///{home / 'aisle.db'}")
    values.setdefault("AISLE_OBJECTS_URL", f"file://{home / 'objects'}")
    if "AISLE_TRACKING_URL" not in values:
        values["AISLE_TRACKING_URL"] = f"sqlite:///{home / 'mlflow.db'}"
        values.setdefault("AISLE_TRACKING_ARTIFACT_ROOT", f"file://{home / 'mlflow-artifacts'}")


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
