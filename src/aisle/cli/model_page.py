"""`aisle models show`: everything that is known of a version."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape

from aisle.bootstrap import open_application
from aisle.cli.screen import JSON, say, say_json, table
from aisle.errors import InputError


def show(
    version: Annotated[int, typer.Argument(help="A registered version.")],
    card: Annotated[bool, typer.Option("--card", help="Print the model card, as Markdown, and nothing else.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Show where a version comes from, how it scored, category by category, and what labels by people changed.

    With `--card` its model card, and nothing else.
    """
    from aisle.review.effect import effect, sentences

    if card and json:
        raise InputError("--card and --json go not together.", hint="With --json the card is one of the fields.")
    with open_application() as application:
        model = application.ledger.model(version)
        in_force = application.ledger.champion()
        bundle = application.context().bundle(model.bundle)
        changed = effect(application.database, version)
    if card:
        say(escape(bundle.card))
        return
    champion = in_force is not None and in_force.version == version
    about = {
        "modalities": list(bundle.modalities),
        "level": bundle.level,
        "size_bytes": bundle.size_bytes,
        "commit": bundle.manifest["commit"],
        "configuration": bundle.manifest["configuration"],
        "libraries": dict(bundle.manifest["libraries"]),
        "files": dict(bundle.manifest["files"]),
    }
    if json:
        categories, metrics = dict(bundle.categories), dict(bundle.metrics)
        say_json(
            {
                **asdict(model),
                **about,
                "champion": champion,
                "categories": categories,
                "metrics": metrics,
                "card": bundle.card,
                "effect": changed,
            }
        )
        return
    facts = [
        ("role", "champion" if champion else "registered"),
        ("registered", model.created_at),
        ("bundle", model.bundle),
        ("snapshot", model.snapshot),
        ("run in MLflow", model.run_id),
        ("commit", about["commit"]),
        ("configuration", about["configuration"]),
        ("looks at", " and ".join(bundle.modalities)),
        ("levels of the labels", bundle.level or "all"),
        ("categories", len(bundle.categories)),
        ("size", f"{bundle.size_bytes / 1e6:.2f} MB in {len(about['files']) + 1} files"),
        ("made with", ", ".join(f"{name} {number}" for name, number in about["libraries"].items())),
        *((f"rows, {part}", rows) for part, rows in bundle.metrics["rows"].items()),
    ]
    table(f"Version {version}", ("what", "is"), facts)
    for told in sentences(changed):
        say(escape(told))
    gold: Mapping[str, Any] = bundle.metrics["gold"]
    columns = ("on its own gold rows", "value", "95 % from", "to")
    table("Scores", columns, _scores(gold), numbers=columns[1:])
    classes = [
        (code, bundle.categories.get(code, ""), f["precision"], f["recall"], f["f1"], f["support"])
        for code, f in gold["per_class"].items()
    ]
    figures = ("code", "category", "precision", "recall", "F1", "gold rows")
    table("Categories", figures, classes, numbers=figures[2:])


def _scores(gold: Mapping[str, Any]) -> list[tuple[object, ...]]:
    """Return every figure that is one number, with its interval where it has one."""
    rows: list[tuple[object, ...]] = []
    for name, value in gold.items():
        words = name.replace("_", " ")
        if isinstance(value, int | float):
            rows.append((words, value, None, None))
        elif isinstance(value, dict) and {"value", "low", "high"} <= value.keys():
            rows.append((words, value["value"], value["low"], value["high"]))
    return rows
