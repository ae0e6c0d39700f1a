"""Write the reference pages that are made from the code; with `--check`, say which are stale and fail.

Pages: the command line, settings, metrics, errors, reasons for rejects, pipeline steps, and the OpenAPI document.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import orjson
import typer
from pydantic import BaseModel
from typer.core import TyperCommand, TyperGroup, TyperOption

from aisle import errors
from aisle.catalog.categories import CHALLENGE_CATEGORIES
from aisle.catalog.rejects import REASONS
from aisle.cli import app as cli
from aisle.errors import AisleError
from aisle.pipeline.plan import ERRANDS, STEPS
from aisle.serving.app import create_app
from aisle.serving.predictor import ChampionRef
from aisle.settings import CONCERNS, Serving, variable
from aisle.telemetry import METRICS, Telemetry

_FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_NOTE = "<!-- Made by `make docs` from the code; do not edit. -->\n\n"
_EVERYWHERE = ("install_completion", "show_completion")
"""Typer's own options, which depend on the shell that it finds."""

_MEANINGS = {
    "snapshot": "The digest of a snapshot.",
    "bundle": "The digest of a bundle.",
    "version": "The number of a registered version.",
    "source": "The catalogue's name.",
    "rows": "Products in it.",
    "labelled": "Products with a label.",
    "classes": "Different labels.",
    "promote": "Whether the gate lets it pass.",
    "promoted": "Whether the version is champion by this decision.",
    "reasons": "Why, as sentences.",
    "evidence": "The figures behind the decision.",
    "followed": "Number of the ledger's row that it was judged against; 0 for none.",
    "champion": "The version that is champion now, if any.",
    "run_id": "The run in MLflow.",
}
"""Of fields whose name says it all in the code."""

_PROCESSES = (
    ("Of a server", "server", "`GET /metrics` of `aisle serve` has them."),
    (
        "Of the exporter",
        "exporter",
        "`GET /metrics` of `aisle monitor export` has them, read from the database; what is not known has no series.",
    ),
    (
        "The orchestrator's tasks",
        "task",
        "A task that fails for good tells the Pushgateway that `AISLE_PUSH_URL` names; Prometheus reads it there.",
    ),
)
"""Which process exports what."""


class _Nobody:
    def current(self) -> ChampionRef | None:
        return None

    def load(self, ref: ChampionRef) -> None:
        raise AssertionError(ref)


def command_line() -> str:
    """Every command with its help, arguments and options."""
    parts = ["# The command line\n"]
    for path, command in _commands("aisle", typer.main.get_command(cli)):
        parts.append(f"## `{path}`\n\n{(command.help or '').strip()}\n")
        if isinstance(command, TyperGroup):
            rows = [f"[`{path} {name}`](#{_anchor(f'{path} {name}')})" for name in sorted(command.commands)]
            parts.append("Commands: " + ", ".join(rows) + "\n")
        else:
            parts.append(f"```\n{_usage(path, command)}\n```\n")
        parameters = [parameter for parameter in command.params if parameter.name not in _EVERYWHERE]
        parts += _table(("parameter", "meaning", "default"), [_parameter(parameter) for parameter in parameters])
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
            (f"`{variable(concern, name)}`", _default(field.default, required=field.is_required()), field.description or "")
            for name, field in concern.model_fields.items()
        ]
        parts += _table(("variable", "default", "meaning"), rows)
    return "\n".join(parts)


def metrics() -> str:
    """Every metric."""
    parts = ["# Metrics\n", "In Prometheus's text format; each process adds its own (`process_*`).\n"]
    for title, process, intro in _PROCESSES:
        found = [metric for metric in METRICS if metric.process == process]
        rows = [(f"`{m.name}`", m.kind, ", ".join(f"`{label}`" for label in m.labels), m.help) for m in found]
        parts += [f"## {title}\n\n{intro}\n", *_table(("name", "kind", "labels", "meaning"), rows)]
    return "\n".join(parts)


def error_page() -> str:
    """The error tree with each error's code."""
    tree = re.search(r"(?ms)^    AisleError.*?\n(?=\n)", errors.__doc__ or "")
    if tree is None:
        raise AssertionError("the docstring of aisle.errors draws no tree")
    drawn = re.sub(r"(?m)^    ", "", tree.group())
    # An error's code follows from its class alone: no error need be made, some of which take more than a message.
    rows = [(f"`{kind.__name__}`", f"`{kind.__new__(kind).code}`", _first_line(kind.__doc__)) for kind in _kinds(AisleError)]
    intro = "Each error says what happened and how to mend it. The code names its kind to programs.\n"
    return "\n".join(["# Errors\n", intro, f"```\n{drawn}```\n", *_table(("class", "code", "meaning"), rows)])


def rejects() -> str:
    """Why rows and images are refused, and the challenge's categories."""
    reasons = [(f"`{name}`", meaning) for name, meaning in REASONS.items()]
    codes = [(f"`{code}`", name.english, name.french) for code, name in CHALLENGE_CATEGORIES.items()]
    return "\n".join(
        [
            "# The catalogue\n",
            "## Reasons for rejects\n",
            "`aisle catalog rejects` counts them and shows examples.\n",
            *_table(("reason", "meaning"), reasons),
            "## The challenge's categories\n",
            "The challenge publishes codes without names; these were given by reading the titles that carry each code.\n",
            *_table(("code", "English", "French"), codes),
        ]
    )


def steps() -> str:
    """Every pipeline step with the shapes of its input and output."""
    parts = ["# Pipeline steps\n", "`aisle pipeline step NAME JSON` runs one; this is what an orchestrator calls.\n"]
    for step in (*STEPS, *ERRANDS):
        kept = "Its output is remembered by its input." if step.remembered else "It always runs, and is safe to run again."
        parts.append(f"## {step.name}\n\n{step.summary} {kept}\n")
        taken = [(*row, "yes" if row[0].strip("`") in _required(step.takes) else "no") for row in _fields(step.takes)]
        parts += _table(("takes", "meaning", "needed"), taken)
        parts += _table(("returns", "meaning"), _fields(get_type_hints(step.run)["return"]))
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


def pages() -> dict[str, str]:
    """Return every page's content by its file name."""
    return {name: page() if name.endswith(".json") else _NOTE + page() for name, page in PAGES.items()}


def main() -> int:
    """Write or check every page."""
    check = "--check" in sys.argv
    _FOLDER.mkdir(parents=True, exist_ok=True)
    made = pages()
    present = {path.name: path.read_text(encoding="utf-8") for path in _FOLDER.iterdir()}
    stale = sorted(name for name in made.keys() | present.keys() if made.get(name) != present.get(name))
    if stale and check:
        sys.stderr.write(f"Stale in docs/reference: {', '.join(stale)}. Run `make docs`.\n")
        return 1
    for name in stale:
        if name in made:
            (_FOLDER / name).write_text(made[name], encoding="utf-8")
        else:
            (_FOLDER / name).unlink()
    return 0


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    if isinstance(command, TyperGroup):
        for name in sorted(command.commands):
            yield from _commands(f"{path} {name}", command.commands[name])


def _usage(path: str, command: TyperCommand) -> str:
    options = ["[OPTIONS]"] if any(isinstance(parameter, TyperOption) for parameter in command.params) else []
    arguments = [_argument(parameter) for parameter in command.params if not isinstance(parameter, TyperOption)]
    return " ".join([path, *options, *arguments])


def _argument(parameter: Any) -> str:
    name = parameter.metavar or str(parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _parameter(parameter: Any) -> tuple[str, str, str]:
    # A default that no value can show stands in the help, as typer shows it: "[default: the champion]".
    meaning, _, told = (parameter.help or "").partition("[default:")
    default = told.removesuffix("]").strip()
    if not default and parameter.secondary_opts:
        default = f"`{(parameter.opts if parameter.default else parameter.secondary_opts)[0]}`"
    elif not default and parameter.default is not None and not isinstance(parameter.default, bool):
        default = f"`{parameter.default}`"
    if not isinstance(parameter, TyperOption):
        return f"`{_argument(parameter).strip('[]')}`", meaning.strip(), default
    name = " / ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if parameter.is_flag else f" {_value(parameter.type_descriptor.annotation)}"
    return f"`{name}{value}`", meaning.strip() + (" Required." if parameter.required else ""), default


def _value(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    if get_origin(annotation) is list:
        return _value(get_args(annotation)[0])
    return {int: "N", float: "NUMBER", Path: "PATH"}.get(annotation, "TEXT")


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table as one part of a page, or none where it has no rows."""
    if not rows:
        return []
    cells = [columns, ("---",) * len(columns), *rows]
    return ["".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in cells)]


def _fields(message: type[BaseModel]) -> list[tuple[str, str]]:
    return [(f"`{name}`", field.description or _MEANINGS[name]) for name, field in message.model_fields.items()]


def _required(message: type[BaseModel]) -> set[str]:
    return {name for name, field in message.model_fields.items() if field.is_required()}


def _default(value: object, *, required: bool) -> str:
    if required:
        return "under `AISLE_HOME`"
    return "" if value is None else f"`{value}`"


def _kinds(kind: type[AisleError]) -> Iterator[type[AisleError]]:
    yield kind
    for child in kind.__subclasses__():
        # Rooms above may have private errors of their own: only the tree of `aisle.errors` is promised.
        if child.__module__ == errors.__name__:
            yield from _kinds(child)


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
