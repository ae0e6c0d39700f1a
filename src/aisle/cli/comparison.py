"""`aisle models compare`: two versions beside each other."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from aisle.bootstrap import open_application
from aisle.cli.screen import ERR, JSON, progress, say, say_json, table

if TYPE_CHECKING:
    from aisle.pipeline.comparison import ModelComparison
    from aisle.registry.compare import Difference


def compare(
    first: Annotated[int, typer.Argument(help="A registered version, to compare with.")],
    second: Annotated[int, typer.Argument(help="The registered version that is compared.")],
    snapshot: Annotated[
        str | None, typer.Option(help="A snapshot's digest or its beginning.  [default: the newer version's]")
    ] = None,
    classes: Annotated[int, typer.Option(min=0, help="Categories to show, those that differ most.")] = 10,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Score two versions now, on the same gold rows, and show by how much and where they differ.

    Differences are the second's less the first's, with 95 % intervals from a paired bootstrap; below them stands what the
    gate would say of the second if the first were champion. Nothing is promoted.
    """
    from aisle.catalog.snapshot import find
    from aisle.pipeline.comparison import compare_versions

    with open_application() as application, progress() as report:
        digest = find(application.database, snapshot) if snapshot else None
        report(f"scoring versions {first} and {second}", 0, 0)
        compared = compare_versions(application.context(report), first, second, snapshot=digest)
    if json:
        say_json(compared.to_json())
        return
    _show_figures(compared)
    if classes:
        _show_classes(compared, classes)
    say(f"The gate would {'let' if compared.gate.promote else 'not let'} version {second} pass against version {first}.")
    for reason in compared.gate.reasons:
        say(escape(reason))
    if compared.missing_images:
        ERR.print(f"{compared.missing_images:,} images of gold rows could not be had; those rows were judged by their text.")


def _show_figures(compared: "ModelComparison") -> None:
    one, two, f1 = compared.first, compared.second, compared.f1
    columns = ("figure", f"version {one.version}", f"version {two.version}", "difference", "95 % from", "to")
    plain = (
        ("accuracy", one.accuracy, two.accuracy),
        ("accuracy at 90 % coverage", one.accuracy_covered, two.accuracy_covered),
        ("log loss", one.log_loss, two.log_loss),
        ("calibration error", one.calibration_error, two.calibration_error),
        ("size, MB", one.size_bytes / 1e6, two.size_bytes / 1e6),
        ("microseconds per product", one.seconds_per_product * 1e6, two.seconds_per_product * 1e6),
    )
    rows = [
        ("weighted F1", *_cells(f1.weighted_f1)),
        ("macro F1", *_cells(f1.macro_f1)),
        *((name, old, new, _signed(new - old), None, None) for name, old, new in plain),
    ]
    table(f"On {compared.rows:,} gold rows of snapshot {compared.snapshot[:12]}", columns, rows, numbers=columns[1:])


def _show_classes(compared: "ModelComparison", most: int) -> None:
    from aisle.catalog.categories import category_name

    one, two = compared.first.version, compared.second.version
    columns = ("code", "category", "gold rows", f"F1 of {one}", f"F1 of {two}", "difference", "95 % from", "to")
    rows = [(c.code, category_name(c.code), c.rows, *_cells(c.f1)) for c in compared.f1.classes[:most]]
    table("Categories that differ most", columns, rows, numbers=columns[2:])


def _cells(known: "Difference") -> tuple[object, ...]:
    return known.first, known.second, _signed(known.difference), _signed(known.low), _signed(known.high)


def _signed(value: float) -> str:
    return f"{value:+.4f}"
