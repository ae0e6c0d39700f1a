"""`aisle monitor demo`: a drift is made on purpose, found, alarmed, and turned into a retrain request."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.markup import escape

from aisle.bootstrap import Application, open_application
from aisle.cli.screen import progress, say, table

if TYPE_CHECKING:
    from aisle.catalog.product import Product
    from aisle.monitoring.monitor import Finding

_ANSWERS = 1_000
_OTHERS = 1_000
"""Seed of products that are not those of the catalogue."""
_BUDGET = "20s"


def demo(
    drift: Annotated[str, typer.Option(help="Which drift; --list shows them.")] = "language",
    listed: Annotated[bool, typer.Option("--list", help="List the drifts, and do nothing.")] = False,
    rows: Annotated[int, typer.Option(min=1_500, help="Training rows of the made-up catalogue.")] = 2_000,
    images: Annotated[bool, typer.Option(help="With images; a drift of images has them anyway.")] = False,
    home: Annotated[Path | None, typer.Option(help="Where everything goes.  [default: monitor-demo/ in AISLE_HOME]")] = None,
) -> None:
    """Show a drift found, alarmed and turned into a retrain request, on a made-up catalogue in a folder of its own.

    A model is trained, answers a thousand products as they were and a thousand with the drift among them; each thousand is
    looked at. Delete the folder when you are done.
    """
    from aisle.errors import MonitoringError
    from aisle.monitoring.drifts import DRIFTS

    if listed:
        table("Drifts", ("drift", "what happens"), [(d.name, d.summary) for d in DRIFTS.values()])
        return
    if drift not in DRIFTS:
        raise MonitoringError(f"There is no drift {drift!r}.", hint=f"There are: {', '.join(DRIFTS)}.")
    home = (home or Path(os.environ.get("AISLE_HOME", ".aisle")) / "monitor-demo").absolute()
    # The demo never touches a real system: whatever is configured here, it runs on its own embedded one.
    for name in [name for name in os.environ if name.startswith("AISLE_")]:
        del os.environ[name]
    os.environ["AISLE_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    os.chdir(home)
    folder = _champion(home, rows, images=images or "images" in drift)
    with open_application() as application:
        _show(application, drift, folder)


def _champion(home: Path, rows: int, *, images: bool) -> Path:
    from aisle.catalog.sample import write_sample
    from aisle.cli.pipeline import run_with_progress, summarise

    folder = home / f"sample-{rows}{'-images' if images else ''}"
    if not (folder / "X_train_update.csv").is_file():
        with progress() as report:
            report("Draw a made-up catalogue.", 0, 0)
            write_sample(folder, rows=rows, seed=0, images=images)
    summarise(run_with_progress({"folder": folder, "share": 1.0, "budget": _BUDGET}), next_steps=False)
    return folder


def _show(application: Application, name: str, folder: Path) -> None:
    from aisle.cli.monitor_screen import summarise_finding
    from aisle.monitoring.drifts import DRIFTS, drifted
    from aisle.monitoring.keeping import keep_report

    drift, draw = DRIFTS[name], np.random.default_rng(0)
    for words, changed in (("as they were", False), (f"of which {drift.summary}", True)):
        with progress() as report:
            report("Answer a thousand products.", 0, 0)
            products, codes = _products(folder, 2 if changed else 1)
            if changed:
                products = drifted(drift, products, codes, draw)
            _answer(application, products)
            report("Look at what was answered.", 0, 0)
            found = _look(application)
            keep_report(found, application.monitor().records, application.artifacts)
        say(f"\n[bold]A thousand products {escape(words)}[/]")
        summarise_finding(found)
    say("\n[bold]How to go on[/] with what the demo made:")
    say(f"  export AISLE_HOME={escape(os.environ['AISLE_HOME'])}")
    say("  aisle monitor report --open        the report as a page")
    say("  aisle monitor explain language     what was measured of a column")
    say("  aisle monitor requests             the retraining that was asked for")
    say(f"  aisle pipeline run {escape(str(folder))} --share 1 --on-request")


def _products(folder: Path, seed: int) -> "tuple[list[Product], list[str]]":
    """Return products of the made-up shop that the model has not learnt from, and their categories."""
    from aisle.catalog.product import Product
    from aisle.catalog.sample.blocks import draw_blocks
    from aisle.catalog.sample.classes import CODES
    from aisle.catalog.sample.dice import Dice
    from aisle.catalog.sample.pictures import draw_picture
    from aisle.catalog.sample.writer import MISSING_IMAGES

    pictured, draw = folder.name.endswith("-images"), np.random.default_rng(seed)
    products, codes = [], []
    for block in draw_blocks("train", _ANSWERS, _OTHERS + seed):
        for row, (title, description) in enumerate(zip(block.titles, block.descriptions, strict=True)):
            there = pictured and draw.random() >= MISSING_IMAGES
            image = draw_picture(int(block.topic[row]), Dice(_OTHERS + seed, 7, row)) if there else None
            products.append(Product(f"demo-{seed}-{row}", title=title, description=description, image=image))
            codes.append(str(CODES[int(block.label[row])]))
    return products, codes


def _answer(application: Application, products: "list[Product]") -> None:
    from aisle.models.bundle import Bundle
    from aisle.monitoring.answers import Answered, LookBudget, answer_rows
    from aisle.registry.bundles import fetch

    champion = application.ledger.champion()
    assert champion is not None
    digest = application.bundle_digest(None)
    bundle = Bundle.load(fetch(application.artifacts, digest, application.settings.workspace.home / "bundles"))
    now = datetime.now(UTC) - timedelta(seconds=1)
    answered = Answered("demo", now, 0.01, champion.version, digest, products, bundle.predict(products))
    application.prediction_log.write(answer_rows([answered], keep_text=True, looks=LookBudget(1_000)))


def _look(application: Application) -> "Finding":
    from aisle.monitoring.window import Asked

    return application.monitor().run(Asked(rows=_ANSWERS))
