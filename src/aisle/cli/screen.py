"""What people see: tables and sentences on standard output, progress and complaints on standard error."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from aisle.errors import AisleError

if TYPE_CHECKING:
    from aisle.pipeline.context import Report

_FILE_COLUMNS = 180
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What steers a terminal, or turns the direction in which it writes."""

JSON = typer.Option("--json", help="Print JSON, for programs.")
"""The option of every command that can answer a program."""

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(error: AisleError) -> None:
    """Write an error and how to mend it to standard error."""
    ERR.print(f"[bold red]Error[/] {escape(visible(error.message))}")
    if error.hint:
        ERR.print(f"      {escape(visible(error.hint))}")


def visible(text: str) -> str:
    r"""Return a text with what would steer a terminal spelt out: a title of a catalogue may hold anything.

    >>> print(visible("a\x1b[2Jb"))
    a\u001b[2Jb
    """
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def say(text: str) -> None:
    """Write a sentence; `text` may carry rich markup, so whatever comes from data is escaped by the caller."""
    OUT.print(visible(text))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """Write a table; columns named in `numbers` are set to the right."""
    shown = Table(title=visible(title), title_justify="left", title_style="bold", header_style="dim")
    for name in columns:
        shown.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*("" if value is None else escape(_cell(value)) for value in row))
    # Into a file or a pipe nothing has to fit a screen: narrow columns would only fold what a program wants to read.
    bounded = OUT.is_terminal or "COLUMNS" in os.environ
    (OUT if bounded else Console(highlight=False, width=_FILE_COLUMNS)).print(shown)


def say_json(value: Any) -> None:
    """Write a value as JSON to standard output, for programs: moments as ISO 8601, whatever is no number as null."""
    OUT.file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


@contextmanager
def progress() -> "Iterator[Report]":
    """Show progress on standard error while the block runs; yields what a step reports to."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                # One thing is done after the other: what could not say how much there was is over now.
                for task in bar.tasks:
                    if task.total is None:
                        bar.update(task.id, total=1, completed=1)
                tasks[what] = bar.add_task(what, total=total or None)
                if not ERR.is_terminal:
                    ERR.print(f"… {escape(what)}")
            bar.update(tasks[what], advance=done, total=total or None)

        yield report


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S %Z}".rstrip()
    return visible(str(value))
