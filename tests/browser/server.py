"""A server with the console, in a thread: a fake model, a real database, a key for each role, and hostile content."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from sqlalchemy import delete, insert

from aisle.bootstrap import Application
from aisle.catalog.product import Product
from aisle.configuration import load_settings
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.records import MonitorRecords, MonitorRun, MonitorValue
from aisle.registry.reports import PAGE, report_key
from aisle.review.fill import Shares, fill
from aisle.serving.app import create_app
from aisle.serving.predictor import Model
from aisle.serving.server import listen, make_server
from aisle.storage.bulk import insert_frame
from aisle.storage.schema import labels, predictions, products, review_decisions, review_items, sources
from tests.catalogues import jpeg
from tests.unit.serving.fakes import FakeChampions, FakeModel

ROLES = {"viewer": "predict", "reviewer": "review", "second": "review", "admin": "admin"}
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)> \u202eetit \" ' {{ 7*7 }}"

EVIL = f"""<!doctype html><title>report</title><h1>Report</h1><p id="title">{HOSTILE}</p><a id="out" href="../try">out</a>
<script>fetch("../operations").then((answer) => answer.text()).then((told) => document.title = told)</script>
<form id="form" method="post" action="promote"><button>promote</button></form>"""
"""A report that forgot to escape a title, and more than a title could do."""


@dataclass(frozen=True)
class Console:
    """A server that runs, its application, and a key for each role."""

    url: str
    application: Application
    keys: dict[str, str]

    def fill(self) -> None:
        """Begin anew with six unsure answers, of which the first in the queue is hostile."""
        database = self.application.database
        with database.transaction() as connection:
            for table in (review_decisions, review_items, labels, predictions, products, sources):
                connection.execute(delete(table))
            about = {"layout": "challenge", "mapping": "{}", "sample": "", "image_prefix": ""}
            connection.execute(insert(sources).values(name="shop", **about))
            rows = pl.DataFrame({"id": [f"P-{n}" for n in range(6)], "title": [title(n) for n in range(6)]})
            place = {"source": "shop", "split": "train", "row": 0, "load_id": 1, "image_name": "a.jpg"}
            insert_frame(connection, products, rows.with_columns(*(pl.lit(v).alias(k) for k, v in place.items())))
        sent = [Product(f"P-{n}", title=title(n)) for n in range(6)]
        found = [
            Prediction(p.id, "3", "3", 0.4 + n / 50, (Candidate("3", "3", 0.4 + n / 50),), ("text",), (), "not confident")
            for n, p in enumerate(sent)
        ]
        answered = Answered("r-1", datetime.now(UTC), 0.001, 1, "bundle-a", sent, found)
        self.application.prediction_log.write(answer_rows([answered], keep_text=False))
        fill(database, datetime.now(UTC) - timedelta(days=1), Shares(drawn=0, double=0))


def title(number: int) -> str:
    return HOSTILE if number == 0 else f"Piscine numéro {number}"


@contextlib.contextmanager
def open_console(home: Path) -> Iterator[Console]:
    """A server on loopback with a fake model, a real database, and keys."""
    with empty_home(home) as application:
        application.images.put("x_train/a.jpg", jpeg(7))
        for version in (1, 2):
            metrics = {"weighted_f1": 0.7 + version / 100}
            application.ledger.add_model(version, f"bundle-{version}", "snapshot", "run", metrics)
        application.artifacts.put(report_key("bundle-1", PAGE), EVIL.encode())
        application.ledger.promote(1, actor="pipeline", reason=HOSTILE, evidence={}, expected=0)
        now = datetime.now(UTC)
        window = now - timedelta(days=1), now + timedelta(days=1)
        run = MonitorRun(now, 0.1, "24h", *window, 10, 1, "b", 10, "p", "act", (HOSTILE,))
        moved = MonitorValue("drift", "title_chars", "psi", 0.4, 10, 10, "act", null_high=0.1)
        MonitorRecords(application.database).add(run, [moved])
        MonitorRecords(application.database).add(run, [moved])
        with serve(application, FakeModel("bundle-a")) as opened:
            yield opened


@contextlib.contextmanager
def empty_home(home: Path) -> Iterator[Application]:
    """The live objects of a folder in which nothing is."""
    application = Application(load_settings({"AISLE_HOME": str(home), "AISLE_SERVING_PORT": "0"}, folder=home))
    for name in ("rakuten-image", "aisle"):
        application.objects.create_bucket(name)
    try:
        yield application
    finally:
        application.close()


@contextlib.contextmanager
def serve(application: Application, model: Model, version: int = 1) -> Iterator[Console]:
    """The server of an application on loopback, with a model in service under a version, and a key for each role."""
    create = application.keys.create
    keys = {
        name: create(name, scopes=(scope,), requests_per_minute=None, expires_at=None)[1] for name, scope in ROLES.items()
    }
    champions = FakeChampions(model)
    champions.promote(version, model.digest)
    options = application.settings.serving.model_copy(update={"poll_s": 0.2, "drain_s": 0.0, "inline_ms": 0.0})
    app = create_app(options=options, champions=champions, telemetry=application.telemetry, records=application.records)
    server, socket = make_server(app, options), listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield Console(f"http://127.0.0.1:{socket.getsockname()[1]}/console", application, keys)
    finally:
        server.should_exit = True
        thread.join(20)
