"""Write the reference pages that are made from the code; with `--check`, say which are stale and fail.

Pages: the command line, settings, metrics, errors, reasons for rejects, pipeline steps, and the OpenAPI document.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import orjson
import typer

from aisle import errors
from aisle.catalog.categories import CHALLENGE_CATEGORIES
from aisle.catalog.rejects import REASONS
from aisle.cli import app as cli
from aisle.errors import AisleError
from aisle.pipeline.plan import STEPS
from aisle.serving.app import create_app
from aisle.serving.predictor import ChampionRef
from aisle.settings import CONCERNS, Serving, variable
from aisle.telemetry import METRICS, Telemetry

_FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_NOTE = "<!-- Made by `make docs` from the code; do not edit. -->\n\n"


class _Nobody:
    def current(self) -> ChampionRef | None:
        return None

    def load(self, ref: ChampionRef) -> None:
        raise AssertionError(ref)


def command_line() -> str:
    """Every command with its help and options."""
    root = typer.main.get_command(cli)
    parts = ["# The command line\n"]
    for path, command in _commands("aisle", root):
        parts.append(f"## `{path}`\n\n{_help(command)}")
        if rows := [_parameter(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]:
            parts.append("| parameter | meaning |\n|---|---|\n" + "\n".join(rows) + "\n")
        if isinstance(command, click.Group):
            names = command.list_commands(click.Context(command))
            parts.append("Commands: " + ", ".join(f"`{path} {name}`" for name in names) + "\n")
    return "\n".join(parts)


def settings() -> str:
    """Every setting with its default and meaning."""
    parts = [
        "# Settings\n",
        "From the environment, `.env`, files in `AISLE_SECRETS_DIR`, or `aisle.toml` (`AISLE_CONFIG` names another), in"
        " that order. `aisle config show` prints each value and where it came from.\n",
    ]
    for concern in CONCERNS:
        section = f"In `aisle.toml`: `[{concern.section}]`." if concern.section else "In `aisle.toml`: at the top."
        parts.append(f"## {concern.__name__}\n\n{concern.__doc__} {section}\n")
        rows = [
            f"| `{variable(concern, name)}` | {_default(field.default, required=field.is_required())} | {field.description} |"
            for name, field in concern.model_fields.items()
        ]
        parts.append("| variable | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def metrics() -> str:
    """Every metric."""
    rows = [f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.help} |" for m in METRICS]
    return "# Metrics\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def error_page() -> str:
    """The error tree with each error's code."""
    tree = re.search(r"(?ms)^    AisleError.*?\n\n", errors.__doc__ or "")
    rows = [f"| `{kind.__name__}` | `{kind('').code}` | {_first_line(kind.__doc__)} |" for kind in _kinds(AisleError)]
    return (
        f"# Errors\n\n```\n{_dedent(tree.group() if tree else '')}```\n\n| class | code | meaning |\n|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def rejects() -> str:
    """Why rows and images are refused, and the challenge's categories."""
    reasons = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in REASONS.items())
    codes = "\n".join(f"| {code} | {name.english} | {name.french} |" for code, name in CHALLENGE_CATEGORIES.items())
    return (
        f"# The catalogue\n\n## Reasons for rejects\n\n| reason | meaning |\n|---|---|\n{reasons}\n\n"
        f"## The challenge's categories\n\n| code | English | French |\n|---|---|---|\n{codes}\n"
    )


def steps() -> str:
    """Every pipeline step with the shape of its input."""
    parts = ["# Pipeline steps\n", "`aisle pipeline step NAME JSON` runs one; this is what an orchestrator calls.\n"]
    for step in STEPS:
        fields = "\n".join(
            f"| `{name}` | {'yes' if field.is_required() else 'no'} | {field.description or ''} |"
            for name, field in step.takes.model_fields.items()
        )
        kept = "Its output is remembered by its input." if step.remembered else "It always runs, and is safe to run again."
        parts.append(f"## {step.name}\n\n{step.summary} {kept}\n\n| field | needed | meaning |\n|---|---|---|\n{fields}\n")
    return "\n".join(parts)


def openapi() -> str:
    """The OpenAPI document."""
    document = create_app(options=Serving(), champions=_Nobody(), telemetry=Telemetry()).openapi()  # type: ignore[arg-type]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "command-line.md": command_line,
    "settings.md": settings,
    "metrics.md": metrics,
    "errors.md": error_page,
    "catalogue.md": rejects,
    "steps.md": steps,
    "openapi.json": openapi,
}


def main() -> int:
    """Write or check every page."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, page in PAGES.items():
        text = page() if name.endswith(".json") else _NOTE + page()
        path = _FOLDER / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.stderr.write(f"Stale in docs/reference: {', '.join(stale)}. Run `make docs`.\n")
        return 1
    return 0


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            if child is not None:
                yield from _commands(f"{path} {name}", child)


def _help(command: click.Command) -> str:
    return _dedent(command.help or "").replace("\f", "") + "\n"


def _parameter(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        name = ", ".join([*parameter.opts, *parameter.secondary_opts])
        meaning = parameter.help or ""
        if parameter.default not in (None, False, True, ()) and not callable(parameter.default):
            meaning += f" Default: {parameter.default}."
    else:
        name, meaning = parameter.name.upper() if parameter.name else "", getattr(parameter, "help", "") or ""
    return f"| `{name}` | {meaning.replace('|', chr(92) + '|')} |"


def _default(value: object, *, required: bool) -> str:
    if required:
        return "under `AISLE_HOME`"
    return "" if value is None else f"`{value}`"


def _kinds(kind: type[AisleError]) -> Iterator[type[AisleError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _dedent(text: str) -> str:
    return re.sub(r"(?m)^    ", "", text).strip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
