"""`aisle review` and `aisle trace`: what people should look at, what they decided, and what came of it."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from aisle.bootstrap import Application, open_application
from aisle.cli.screen import JSON, say, say_json, table
from aisle.cli.spans import parse_span
from aisle.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from aisle.catalog.product import Product
    from aisle.models.prediction import Prediction
    from aisle.review.agreement import Share

app = typer.Typer(help="Have people look at what the classifier is unsure of, and learn from them.", no_args_is_help=True)

As = Annotated[str | None, typer.Option("--as", help="Who reviews.  [default: your login name]")]
Why = Annotated[str, typer.Option(help="Why, as a sentence.")]
Item = Annotated[int, typer.Argument(help="The product's number in the queue.")]


@app.command("fill")
def fill(
    window: Annotated[
        str | None, typer.Option(help="Answers and feedback of this last span of time.  [default: AISLE_REVIEW_WINDOW]")
    ] = None,
    suspects: Annotated[
        Path | None, typer.Option(help="Labels that are likely wrong, as `aisle train audit --out FILE` wrote them.")
    ] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Put into the queue what is unsure, contested or suspect, and what chance picks; run it every hour.

    What waits already or was decided enters no second time, unless somebody contests it since.
    """
    from aisle.review.fill import Shares, costs_of
    from aisle.review.fill import fill as fill_queue

    with open_application() as application:
        options = application.settings.review
        shares = Shares(drawn=options.draw_share, double=options.double_share, costs=costs_of(options.costs))
        since = datetime.now(UTC) - parse_span(window or options.window)
        found = fill_queue(application.database, since, shares, suspects=None if suspects is None else _read(suspects))
    if json:
        say_json(found)
        return
    told = ", ".join(f"{rows:,} {reason}" for reason, rows in found.added.items())
    say(f"{sum(found.added.values()):,} products entered the queue: {told}.")
    if found.unreadable:
        say(f"{found.unreadable:,} more cannot be reviewed: they are in no catalogue, and AISLE_SERVING_KEEP_TEXT is off.")


@app.command("list")
def list_items(
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20, json: Annotated[bool, JSON] = False
) -> None:
    """List what waits, that which is worth most first."""
    with open_application() as application:
        found = application.reviews.waiting(limit=limit)
    if json:
        say_json(found)
        return
    columns = ("item", "value", "reason", "drawn", "product", "answered", "confidence", "suggested", "has it")
    rows = [
        (i.id, i.value, i.reason, i.drawn, f"{i.source} {i.product_id}", i.predicted, i.confidence, i.suggested, i.leased_by)
        for i in found
    ]
    table("Waiting for review", columns, rows, numbers=("item", "value", "confidence"))


@app.command("next")
def take(reviewer: As = None, json: Annotated[bool, JSON] = False) -> None:
    """Take the product that is worth most; nobody else gets it while you have it."""
    with open_application() as application:
        item = application.review_desk.next(_who(reviewer))
        product = None if item is None else application.review_desk.product(item)
    if json:
        say_json(None if item is None else {"item": item, "product": product})
        return
    if item is None:
        say("Nothing waits for you.")
        return
    say(f"[bold]Item {item.id}[/] ({item.reason}), yours until {item.leased_until:%H:%M} UTC.")
    if product is None:
        say("The catalogue has this product no more.")
        return
    for name in ("title", "brand", "description", "label"):
        if value := getattr(product, name):
            say(f"  {name:<12} {escape(value[:500])}")
    if not item.blind and item.predicted:
        say(f"  {'answered':<12} {escape(item.predicted)} with {item.confidence:.2f}")
    if item.suggested:
        say(f"  {'suggested':<12} {escape(item.suggested)}  {escape(item.note)}")
    say(f"Decide: aisle review decide {item.id} CODE, or aisle review skip {item.id}.")


@app.command("decide")
def decide(
    item: Item, code: Annotated[str, typer.Argument(help="The right category.")], reviewer: As = None, reason: Why = ""
) -> None:
    """Say which category a product of yours belongs to; it becomes its label, in your name."""
    with open_application() as application:
        outcome = application.review_desk.decide(
            item, _who(reviewer), code, reason, categories=application.reviews.categories()
        )
    if outcome.label_seq is None:
        say(f"Kept. Item {item} is {outcome.item.state}; {outcome.item.reviews_wanted} people are to look at it.")
    else:
        say(f"Item {item} is labelled {escape(outcome.item.code or '')}. The next snapshot takes it.")


@app.command("skip")
def skip(item: Item, reviewer: As = None, reason: Why = "") -> None:
    """Pass a product of yours on to somebody else."""
    with open_application() as application:
        left = application.review_desk.skip(item, _who(reviewer), reason)
    say(f"Item {item} is {left.state.replace('_', ' ')}.")


@app.command("undo")
def undo(reviewer: As = None) -> None:
    """Take your last decision back, with the label that came of it."""
    with open_application() as application:
        item = application.review_desk.undo(_who(reviewer))
    say(f"Item {item.id} is open again, and yours.")


@app.command("stats")
def stats(json: Annotated[bool, JSON] = False) -> None:
    """Show what waits, who decided how much, how far people agree, and how right the answers are."""
    with open_application() as application:
        found = application.reviews.figures()
    if json:
        say_json(found)
        return
    table("Queue", ("state", "products"), list(found.states.items()), numbers=("products",))
    table("Waiting, by reason", ("reason", "products"), list(found.waiting.items()), numbers=("products",))
    people = [(one.name, one.labels, one.skips, one.undone, one.last_at) for one in found.reviewers]
    table("Reviewers", ("name", "labels", "skips", "undone", "last"), people, numbers=("labels", "skips", "undone"))
    say(f"Agreement of two reviewers (Cohen's kappa): {_told(found.agreement)}.")
    say(f"Right answers, by what chance picked: {_told(found.accuracy)}.")
    say(f"Wrong answers among all that were reviewed: {_told(found.corrected)}.")


@app.command("retrain")
def retrain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what speaks for it.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Ask for a retraining if corrections, drift, age or answers that got worse speak for it; run it once a day.

    The request is open for `aisle pipeline run FOLDER --on-request`, and tells its reasons.
    """
    from aisle.review.retraining import Triggers, need

    with open_application() as application:
        options = application.settings.review
        triggers = Triggers(options.corrections, parse_span(options.max_age), options.max_fall)
        found = need(application.database, triggers)
        request = None if dry_run or not found.reasons else _ask(application, found.run_id, found.reasons, found.version)
    if json:
        say_json({"need": found, "request": request})
        return
    say(f"Version {found.version}: {found.corrections:,} labels by people since its snapshot.")
    for reason in found.reasons:
        say(f"  {escape(reason)}")
    if request is not None:
        say(f"Retraining was asked for: request {request}.    aisle pipeline run FOLDER --on-request")
    elif found.reasons and not dry_run:
        say("No request was made: one is open already, or the last one is too fresh (`aisle monitor requests`).")
    elif not found.reasons:
        say("Nothing speaks for a retraining.")


def trace(
    product: Annotated[str, typer.Argument(help="The product's id, in requests or in the catalogue.")],
    ask: Annotated[bool, typer.Option(help="Also ask the champion what it says now.")] = True,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Follow one product: answer, review, label, request, snapshot, bundle, promotion, the answer now."""
    from aisle.review.effect import sentences
    from aisle.review.trace import trace as follow

    with open_application() as application:
        found = follow(application.database, application.artifacts, product, ask=_asker(application) if ask else None)
    if json:
        say_json(found)
        return
    rows = [(event.at, event.stage, event.told) for event in found.events]
    table(f"Product {escape(product)}", ("when", "station", "what happened"), rows)
    # What was refused changed nothing; it is told of where nothing else came of the label yet.
    for effect in [one for one in found.effects if one.promoted] or found.effects[-1:]:
        for told in sentences(effect):
            say(escape(told))
    if found.before is not None and found.before != found.after:
        say(f"Its answer changed from {escape(found.before)} to {escape(found.after or '')}.")
    elif found.before is not None:
        say(f"Its answer is {escape(found.before)}, as at first.")


def _who(named: str | None) -> str:
    return named or getpass.getuser()


def _read(path: Path) -> "pl.DataFrame":
    import polars as pl

    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".csv": pl.read_csv,
        ".parquet": pl.read_parquet,
        ".jsonl": pl.read_ndjson,
    }
    reader = readers.get(path.suffix)
    if reader is None:
        raise InputError(f"{path} is of no known format.", hint="Name a .csv, .parquet or .jsonl file.")
    try:
        return reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        told = str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read: {told}.", hint="`aisle train audit --out FILE` writes one.") from error


def _ask(application: Application, run_id: int | None, reasons: tuple[str, ...], version: int) -> int | None:
    wanted = application.policy().retrain
    request = application.requests.ask(run_id, reasons, version=version, quiet=wanted.cool_down, lifetime=wanted.lifetime)
    return None if request is None else request.id


def _asker(application: Application) -> "Callable[[Product], Prediction] | None":
    ref = application.champions.current()
    if ref is None:
        return None
    model = application.champions.load(ref)
    return lambda product: model.predict([product])[0]


def _told(share: "Share") -> str:
    if share.value is None or share.low is None or share.high is None:
        return f"not known yet, of {share.cases:,} products"
    return f"{share.value:.3f} (95 %: {share.low:.3f} to {share.high:.3f}) of {share.cases:,} products"
