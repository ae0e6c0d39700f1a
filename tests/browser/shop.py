"""A shop on an ordinary day: a catalogue, three versions, answers of a day, reviewers, and two weeks of monitoring."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from sqlalchemy import insert, update

from aisle.bootstrap import Application
from aisle.catalog.product import Product
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.records import MonitorRecords, MonitorRun, MonitorValue
from aisle.registry.records import ROWS_BY_PEOPLE
from aisle.registry.reports import PAGE, report_key
from aisle.review.fill import Shares, fill
from aisle.storage.bulk import insert_frame
from aisle.storage.schema import labels, loads, products, rejects, review_items, sources
from aisle.training.report.page import report_page
from tests.browser.goods import TITLES, ShopModel, codes, picture
from tests.browser.server import Console, empty_home, serve
from tests.unit.monitoring.pages import monitored
from tests.unit.training.report.judgements import answers, full, gold_rows

SHOP = "boutique"
_PRODUCTS, _ANSWERS, _DAYS = 480, 320, 14
_KINDS = ("bleu", "rouge", "vert", "gris", "grand modèle", "petit modèle", "lot de 2", "neuf", "d'occasion", "édition 2024")
_FIGURES = (
    {"weighted_f1": 0.7912, "macro_f1": 0.7544, "accuracy": 0.7968, ROWS_BY_PEOPLE: 0, "log_loss": 0.7031},
    {"weighted_f1": 0.8146, "macro_f1": 0.7803, "accuracy": 0.8191, ROWS_BY_PEOPLE: 214, "log_loss": 0.6214},
    {"weighted_f1": 0.8233, "macro_f1": 0.7951, "accuracy": 0.8270, ROWS_BY_PEOPLE: 367, "log_loss": 0.5987},
)


@contextlib.contextmanager
def open_shop(home: Path) -> Iterator[Console]:
    """A server on loopback in which a shop has been at work."""
    with empty_home(home) as application:
        model = ShopModel()
        _catalogue(application, model)
        _versions(application, model)
        _monitored(application)
        with serve(application, model, version=2) as opened:
            _reviewed(application, model)
            yield opened


def title(number: int) -> str:
    """What a product is called; some sell better than others, and now and then one is there twice."""
    own = number - 1 if number % 40 == 39 else number
    place = int(len(TITLES) * (own * 37 % 101 / 101) ** 1.5)
    return f"{TITLES[place]}, {_KINDS[own % len(_KINDS)]}, réf. {2000 + own}"


def _product(number: int) -> Product:
    told = None if number % 5 == 0 else f"{title(number)}. Expédié sous trois jours, repris sous trente."
    return Product(f"A-{1000 + number}", title=title(number), description=told)


def _catalogue(application: Application, model: ShopModel) -> None:
    numbers = range(_PRODUCTS)
    for kind in range(24):
        application.images.put(f"{SHOP}/x_train/{kind}.jpg", picture(kind))
    frame = pl.DataFrame(
        {
            "id": [_product(number).id for number in numbers],
            "title": [title(number) for number in numbers],
            "description": [_product(number).description for number in numbers],
            "image_name": [f"{number % 24}.jpg" for number in numbers],
            "row": list(numbers),
        }
    )
    place = {"source": SHOP, "split": "train", "load_id": 1}
    given = model.predict([_product(number) for number in numbers])
    with application.database.transaction() as connection:
        about = {"layout": "mapping", "mapping": "{}", "sample": "", "image_prefix": f"{SHOP}/"}
        connection.execute(insert(sources).values(name=SHOP, **about))
        insert_frame(connection, products, frame.with_columns(*(pl.lit(value).alias(name) for name, value in place.items())))
        row = {"source": SHOP, "split": "train", "author": "boutique", "reason": "", "load_id": 1}
        connection.execute(
            insert(labels),
            [{**row, "product_id": one.id, "seq": 1, "code": one.code} for n, one in enumerate(given) if n % 8],
        )
        counted = {"generation": 1, "low": 0, "rows_unchanged": 0, "images_rejected": 3, "state": "done", "digest": "d"}
        for number, (split, rows, bad) in enumerate((("train", _PRODUCTS, 7), ("new", 0, 2)), start=1):
            ends = dict.fromkeys(("high", "position", "rows_in_source", "rows_expected"), rows + bad)
            taken = {"rows_loaded": rows, "rows_rejected": bad, "images_loaded": rows}
            connection.execute(insert(loads).values(id=number, source=SHOP, split=split, **counted, **ends, **taken))
        for number, (kind, reason) in enumerate([("image", "not_an_image")] * 3 + [("row", "empty_title")] * 7):
            told = {"load_id": 1, "source": SHOP, "split": "train", "row": number, "kind": kind, "reason": reason}
            connection.execute(insert(rejects).values(**told))


def _versions(application: Application, model: ShopModel) -> None:
    ledger = application.ledger
    bundles = ("3" * 64, model.digest, "7" * 64)
    for version, (bundle, figures) in enumerate(zip(bundles, _FIGURES, strict=True), start=1):
        ledger.add_model(version, bundle, f"snapshot-{version}", f"run-{version}", figures)
    known = codes()[:12]
    scores = answers(400, known, right=0.86)
    rows = gold_rows(scores, title=[title(number) for number in range(400)])
    facts = {"rare": {}, "training_rows": dict.fromkeys(known, 120), "thresholds": dict.fromkeys(known, 0.5), "n_grams": {}}
    told = replace(full(), gold=scores, rows=rows, categories={code: code for code in known}, **facts)  # type: ignore[arg-type]
    application.artifacts.put(report_key(bundles[1], PAGE), report_page(told).encode())
    gate: dict[str, object] = {
        "against": "champion",
        "rows": 2_146,
        "weighted_f1": {"reference": 0.7912, "challenger": 0.8146},
        "difference": {"value": 0.0234, "low": 0.0112, "high": 0.0357},
    }
    for version, actor, reason in (
        (1, "pipeline", "The first version."),
        (2, "pipeline", "Better on gold rows: weighted F1 +0.023, 95 % from +0.011 to +0.036."),
        (3, "zoe", "More labels of novels."),
    ):
        row = ledger.champion()
        evidence = gate if version == 2 else {}
        ledger.promote(version, actor=actor, reason=reason, evidence=evidence, expected=row.seq if row else 0)
    reasons = ["People gave 214 labels since the champion's snapshot; 200 are enough."]
    day = timedelta(days=1)
    asked = application.requests.ask(None, reasons, version=1, quiet=day, lifetime=day)
    assert asked is not None
    application.requests.take("airflow")
    application.requests.close(asked.id, "promoted", "It passed the gate.", new_version=2)
    ledger.rollback(actor="zoe", reason="Customers found garden tools among toys.")


def _monitored(application: Application) -> None:
    records, now = MonitorRecords(application.database), datetime.now(UTC)
    columns = ("language", "title_chars", "predicted", "confidence", "description_chars", "image_brightness")
    for day in range(_DAYS):
        at = now - timedelta(days=_DAYS - 1 - day, hours=1)
        values = []
        for place, name in enumerate(columns):
            grown = 0.012 * max(day - 6, 0) ** 1.4 if name in {"language", "title_chars"} else 0.0
            psi = 0.02 + 0.012 * abs(math.sin(day * 1.3 + place)) + grown / (1 + place)
            state = "act" if psi > 0.2 else "watch" if psi > 0.1 else "ok"
            values.append(MonitorValue("drift", name, "psi", psi, 320, 4_000, state, null_high=0.05 + place / 200))
        moved = [value.column for value in values if value.state != "ok"]
        reasons = tuple(f"{name} has moved more than chance moves it." for name in moved)
        state = "act" if any(value.state == "act" for value in values) else "watch" if moved else "ok"
        window = at - timedelta(days=1), at
        run = MonitorRun(at, 0.4, "24h", *window, _ANSWERS, 2, "5" * 64, 4_000, "policy", state, reasons)
        kept = records.add(run, values)
    application.artifacts.put(f"monitoring/{kept.id}/{PAGE}", monitored().encode())
    records.attach(kept.id, report=f"monitoring/{kept.id}/{PAGE}", mlflow_run=None)


def _reviewed(application: Application, model: ShopModel) -> None:
    now = datetime.now(UTC)
    rows = []
    for number in range(_ANSWERS):
        # More is asked in the afternoon than at night.
        ago = timedelta(hours=24 * (number / _ANSWERS) ** 1.3, minutes=7 * math.sin(number))
        sent = [_product(number)]
        seconds = 0.004 + 0.002 * abs(math.sin(number)) + (0.02 if number % 50 == 0 else 0)
        version = 1 if number > _ANSWERS * 2 // 3 else 2
        rows.append(Answered(f"r-{number}", now - abs(ago), seconds, version, model.digest, sent, model.predict(sent)))
    application.prediction_log.write(answer_rows(rows, keep_text=False))
    fill(application.database, now - timedelta(days=2), Shares(drawn=0.12, double=0.2))
    known = frozenset(model.categories)
    for turn in range(180):
        reviewer = ("zoe", "karim", "lea")[turn % 3]
        item = application.review_desk.next(reviewer)
        # What chance picked comes first, and its answer is hidden: what is left shows what the model thinks.
        if item is None:
            continue
        if turn > 24 and not item.drawn:
            free = {"leased_by": None, "leased_until": None}
            with application.database.transaction() as connection:
                connection.execute(update(review_items).where(review_items.c.id == item.id).values(free))
            continue
        # The second most probable is right now and then: that is what people are asked for.
        wrong = turn % (4 if item.version == 1 else 9) == 3
        right = item.second_code if wrong and item.second_code else item.predicted or "Papeterie"
        application.review_desk.decide(item.id, reviewer, right, categories=known)
