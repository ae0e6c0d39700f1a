"""Models and champions that are what a test says they are, and a client that talks to an application without a socket.

Run as a program (`python -m tests.unit.serving.fakes`) it is a server with such a model, for tests that need a process.
"""

import contextlib
import hashlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio.from_thread
import httpx
from fastapi import FastAPI

from aisle.catalog.product import Product
from aisle.errors import AisleError, BundleError, InputError, RegistryError, VersionNotFound
from aisle.models.explain import ComponentShare, Explanation, ModalityShare, Term, TextShare
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.feedback import (
    CatalogueProduct,
    Feedback,
    FeedbackBook,
    LoggedAnswer,
    StoredFeedback,
    same_as_before,
)
from aisle.monitoring.prediction_log import PredictionLog
from aisle.registry.key_secrets import Seal, new_key
from aisle.registry.keys import SCOPES, ApiKey, ApiKeys
from aisle.registry.ledger import Ledger, _check_expected, _pile
from aisle.registry.records import Action, ModelVersion, Promotion
from aisle.serving.app import create_app
from aisle.serving.predictor import ChampionRef, Model
from aisle.serving.records import Records
from aisle.serving.server import run
from aisle.settings import Serving
from aisle.storage.database import Database
from aisle.telemetry import Telemetry, configure_logging

SLOW = "slow"
BREAKS = "breaks"


class FakeModel:
    """Answers each product with a category that only this model and this title give, so that a mixed answer shows.

    A product whose title is `SLOW` takes as long as `delay_s` says; one whose title is `BREAKS` raises.
    """

    def __init__(self, digest: str, *, delay_s: float = 0.0, confidence: float = 0.55) -> None:
        self._digest = digest
        self._confidence = confidence
        self._delay_s = delay_s
        self.seen: list[Product] = []

    @property
    def digest(self) -> str:
        return self._digest

    @property
    def categories(self) -> Mapping[str, str]:
        return {str(code): f"category {code}" for code in range(10)}

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        return [self._answer(product, top) for product in products]

    def explain(self, product: Product, code: str | None = None, *, terms: int = 10) -> Explanation:
        if code is not None and code not in self.categories:
            raise InputError(f"The model knows no category {code!r}.")
        answer = self._answer(product, 1)
        text = TextShare("text", 1.0, 0.25, (Term("title", 1.0, 0.75, 0.75),), (), 0.0)
        share = ComponentShare("text", "logistic", "text", counts=True, contribution=1.0)
        code = code or answer.code
        without = (ModalityShare("text", 0.1),)
        return Explanation(
            product.id, code, self.categories[code], 0.55, answer.code, ("text",), 1.0, 0.0, (share,), without, (text,)
        )

    def expected(self, title: str | None) -> str:
        """The code that this model gives to a title."""
        return str(hashlib.sha256(f"{self._digest}{title}".encode()).digest()[0] % 10)

    def _answer(self, product: Product, top: int) -> Prediction:
        if product.id != "probe":
            self.seen.append(product)
        if product.title == BREAKS:
            raise ZeroDivisionError("a secret of the model")
        if product.title == SLOW:
            time.sleep(self._delay_s)
        code = self.expected(product.title)
        others = [other for other in self.categories if other != code]
        ranked = [
            Candidate(code, self.categories[code], self._confidence),
            *(Candidate(o, self.categories[o], 0.05) for o in others),
        ]
        return Prediction(product.id, code, self.categories[code], self._confidence, tuple(ranked[:top]), ("text",))


class FakeChampions:
    """A source of champions that a test moves; bundles named in `broken` are refused with the error given.

    The n-th model is registered as version n.
    """

    def __init__(self, *models: Model) -> None:
        self.registry = {version: model.digest for version, model in enumerate(models, start=1)}
        self.models = {model.digest: model for model in models}
        self.broken: dict[str, Exception] = {}
        self.unreachable: Exception | None = None
        self.loads: list[ChampionRef] = []
        self.may_load = threading.Event()
        self.may_load.set()
        self._ref: ChampionRef | None = None

    def promote(self, version: int, bundle: str) -> ChampionRef:
        """Make a version champion."""
        self._ref = ChampionRef(version, bundle, self._ref.sequence + 1 if self._ref else 1)
        return self._ref

    def current(self) -> ChampionRef | None:
        if self.unreachable is not None:
            raise self.unreachable
        return self._ref

    def registered(self, version: int) -> ChampionRef:
        if self.unreachable is not None:
            raise self.unreachable
        if version not in self.registry:
            raise VersionNotFound(f"There is no version {version}.")
        return ChampionRef(version, self.registry[version], 0)

    def load(self, ref: ChampionRef) -> Model:
        self.loads.append(ref)
        self.may_load.wait(10)
        if ref.bundle in self.broken:
            raise self.broken[ref.bundle]
        if ref.bundle not in self.models:
            raise BundleError(f"There is no bundle {ref.bundle}.")
        return self.models[ref.bundle]


class FakeKeys:
    """A table of keys in memory; `unreachable` is raised by every look at it."""

    def __init__(self) -> None:
        self.unreachable: Exception | None = None
        self.looks = 0
        self._rows: list[ApiKey] = []

    def create(
        self,
        name: str,
        *,
        scopes: Sequence[str] = ("predict",),
        requests_per_minute: int | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        prefix, secret = new_key()
        row = ApiKey(
            id=len(self._rows) + 1,
            name=name,
            prefix=prefix,
            seal=Seal.of(secret),
            scopes=frozenset(scope for scope in SCOPES if scope in scopes),
            requests_per_minute=requests_per_minute,
            expires_at=expires_at,
            replaced_at=None,
            revoked_at=None,
            last_used_at=None,
            created_at=datetime.now(UTC),
        )
        self._rows.append(row)
        return row, secret

    def revoke(self, name: str) -> int:
        ended = [row for row in self._rows if row.name == name and row.revoked_at is None]
        self._rows = [replace(row, revoked_at=datetime.now(UTC)) if row in ended else row for row in self._rows]
        return len(ended)

    def live(self) -> list[ApiKey]:
        self.looks += 1
        if self.unreachable is not None:
            raise self.unreachable
        return [row for row in self._rows if row.state(datetime.now(UTC)) in ("active", "replaced")]

    def touch(self, used: Mapping[int, datetime]) -> None:
        if self.unreachable is not None:
            raise self.unreachable
        for index, row in enumerate(self._rows):
            moment = used.get(row.id)
            if moment is not None and (row.last_used_at is None or row.last_used_at < moment):
                self._rows[index] = replace(row, last_used_at=moment)


class FakeLedger:
    """A ledger in memory."""

    def __init__(self) -> None:
        self.unreachable: Exception | None = None
        self._models: list[ModelVersion] = []
        self._rows: list[Promotion] = []

    def add_model(self, version: int, bundle: str, snapshot: str, run_id: str, metrics: Mapping[str, Any]) -> ModelVersion:
        self._models.append(ModelVersion(version, bundle, snapshot, run_id, metrics, datetime.now(UTC)))
        return self._models[-1]

    def models(self) -> list[ModelVersion]:
        if self.unreachable is not None:
            raise self.unreachable
        return list(self._models)

    def history(self) -> list[Promotion]:
        return list(self._rows)

    def champion(self) -> Promotion | None:
        return self._rows[-1] if self._rows else None

    def promote(
        self, version: int, *, actor: str, reason: str, evidence: Mapping[str, Any], expected: int | None
    ) -> Promotion:
        if self.unreachable is not None:
            raise self.unreachable
        if version not in {model.version for model in self._models}:
            raise VersionNotFound(f"There is no version {version}.")
        _check_expected(self.champion(), expected or 0)
        if self._rows and self._rows[-1].version == version:
            return self._rows[-1]
        return self._append(version, "promote", actor, reason, evidence)

    def rollback(self, *, actor: str, reason: str, expected: int | None = None) -> Promotion:
        if expected is not None:
            _check_expected(self.champion(), expected)
        before = _pile(self._rows)[:-1]
        if not before:
            raise RegistryError("There is no version to go back to.")
        return self._append(before[-1], "rollback", actor, reason, {"rolled_back": self._rows[-1].seq})

    def _append(self, version: int, action: Action, actor: str, reason: str, evidence: Mapping[str, Any]) -> Promotion:
        previous = self._rows[-1].version if self._rows else None
        row = Promotion(len(self._rows) + 1, version, previous, action, actor, reason, evidence, datetime.now(UTC))
        self._rows.append(row)
        return row


class FakeAnswers:
    """A prediction log in memory; `unreachable` is raised by every write, and writes wait while `may_write` is not set."""

    def __init__(self) -> None:
        self.unreachable: Exception | None = None
        self.may_write = threading.Event()
        self.may_write.set()
        self.rows: list[dict[str, Any]] = []
        self.batches: list[int] = []

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.may_write.wait(30)
        if self.unreachable is not None:
            raise self.unreachable
        self.rows += map(dict, rows)
        self.batches.append(len(rows))


class FakeFeedback:
    """Feedback in memory, about answers in a list of logged rows and products in a list."""

    def __init__(self, answers: FakeAnswers | None = None, products: Sequence[CatalogueProduct] = ()) -> None:
        self.unreachable: Exception | None = None
        self.kept: list[StoredFeedback] = []
        self._answers = answers or FakeAnswers()
        self._products = list(products)

    def known(self, author: str, client_id: str) -> StoredFeedback | None:
        if self.unreachable is not None:
            raise self.unreachable
        named = (author, client_id)
        return next((k for k in self.kept if (k.feedback.author, k.feedback.client_id) == named), None)

    def answer(self, request_id: str, position: int | None = None, product_id: str | None = None) -> LoggedAnswer | None:
        for row in reversed(self._answers.rows):
            given = {"request_id": request_id, "position": position, "product_id": product_id}
            if all(value is None or row[name] == value for name, value in given.items()):
                return LoggedAnswer(row["position"], row["product_id"], row["code"], row["version"])
        return None

    def products(self, product_id: str, source: str | None = None, split: str | None = None) -> list[CatalogueProduct]:
        return [p for p in self._products if p.id == product_id and source in (None, p.source) and split in (None, p.split)][
            :2
        ]

    def add(self, said: Feedback) -> tuple[StoredFeedback, bool]:
        if (before := self.known(said.author, said.client_id)) is not None:
            return same_as_before(before, said.digest), False
        self.kept.append(StoredFeedback(said, datetime.now(UTC)))
        return self.kept[-1], True


def fake_records(
    keys: FakeKeys | None = None,
    ledger: FakeLedger | None = None,
    answers: FakeAnswers | None = None,
    feedback: FakeFeedback | None = None,
) -> Records:
    """Records in memory, for a server that is not about them."""
    answers = answers or FakeAnswers()
    return Records(
        keys=keys or FakeKeys(),
        ledger=ledger or FakeLedger(),
        answers=answers,
        feedback=feedback or FakeFeedback(answers),
    )


class Client:
    """Requests to an application, run on its event loop and awaited here; an error inside is an answer, as on a wire."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, app: FastAPI) -> None:
        self._portal = portal
        self._app = app

    def request(self, method: str, path: str, **details: Any) -> httpx.Response:
        return self._portal.call(self._request, method, path, details)

    def get(self, path: str, **details: Any) -> httpx.Response:
        return self.request("GET", path, **details)

    def predict(self, body: Any, **details: Any) -> httpx.Response:
        return self.request("POST", "/v1/predictions", json=body, **details)

    async def _request(self, method: str, path: str, details: dict[str, Any]) -> httpx.Response:
        root = details.pop("root_path", "")
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False, root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.request(method, path, **details)


def make_app(
    champions: FakeChampions, telemetry: Telemetry | None = None, records: Records | None = None, **settings: Any
) -> FastAPI:
    """Return an application with a fast poll that is open and scores in threads, unless the settings say otherwise."""
    options = Serving(**{"poll_s": 0.02, "open": True, "inline_ms": 0, **settings})
    return create_app(
        options=options,
        champions=champions,
        telemetry=telemetry or Telemetry(),
        records=records or fake_records(),
    )


@contextlib.contextmanager
def running(app: FastAPI) -> Iterator[Client]:
    """Run an application's lifespan in a thread, and give a client of it."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
    ):
        yield Client(portal, app)


def eventually(condition: Any, *, within_s: float = 10.0) -> None:
    """Wait until something holds; fail if it does not within some seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)


def fault(kind: type[AisleError] = BundleError) -> AisleError:
    """An error as a source raises it."""
    return kind("weights/linear.npz is not what the manifest says.")


def real_records(database: Database) -> Records:
    """Records in a database that has been migrated."""
    return Records(
        keys=ApiKeys(database),
        ledger=Ledger(database),
        answers=PredictionLog(database),
        feedback=FeedbackBook(database),
    )


if __name__ == "__main__":
    configure_logging("info", "json")
    source = FakeChampions(FakeModel("bundle-a", delay_s=1.5))
    source.promote(1, "bundle-a")
    serving = Serving(port=0, open=True, drain_s=0.5, stop_s=3, log_stop_s=2, poll_s=0.2, inline_ms=0)
    # With the address of a database its records are real.
    known = real_records(Database(sys.argv[1], connect_timeout_s=2)) if len(sys.argv) > 1 else None
    run(create_app(options=serving, champions=source, telemetry=Telemetry(), records=known), serving)
