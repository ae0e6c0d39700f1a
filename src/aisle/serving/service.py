"""The live parts of one server, as its routes see them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from aisle.errors import NotReady
from aisle.models.prediction import Prediction
from aisle.serving.batching import Batcher
from aisle.serving.canary import Canary
from aisle.serving.champions import ChampionWatch
from aisle.serving.grouping import Grouper
from aisle.serving.journal import Journal
from aisle.serving.keyring import Keyring
from aisle.serving.predictor import Champion, ChampionSource, Scorer
from aisle.serving.records import Records
from aisle.serving.shadow import Shadow
from aisle.serving.traces import Tracing
from aisle.settings import Serving
from aisle.telemetry import Telemetry

_MODALITIES = {("text",): "text", ("image",): "image", ("text", "image"): "both"}


class Parts(NamedTuple):
    """What a server is made from: its settings, where champions come from, its metrics and its records."""

    options: Serving
    champions: ChampionSource
    telemetry: Telemetry
    records: Records | None = None


@dataclass(slots=True)
class Service:
    """The live parts of one server.

    Args:
        options: How it listens and what it accepts.
        telemetry: Its metrics.
        watch: Keeps the champion.
        scorer: Threads that score.
        keyring: The API keys.
        journal: Takes answers aside for the prediction log.
        desk: Threads that ask the database on behalf of requests, apart from those that score.
        kept: What is kept on record; a server may go without.
        batcher: Scores what is small in the event loop.
        grouper: Answers what is not much larger in the scorer's threads.
        canary: A version that answers a share of the requests, if there is one.
        shadow: A version that is asked as well and never answers, if there is one.
        tracing: Sends traces, if they are wanted.
        draining: Whether the server is about to stop: still answering, no longer ready.
    """

    options: Serving
    telemetry: Telemetry
    watch: ChampionWatch
    scorer: Scorer
    keyring: Keyring
    journal: Journal
    desk: Scorer
    batcher: Batcher
    grouper: Grouper
    kept: Records | None = None
    canary: Canary | None = None
    shadow: Shadow | None = None
    tracing: Tracing | None = None
    draining: bool = field(default=False)

    def drain(self) -> None:
        """Say from now on that the server is not ready; requests are answered all the same."""
        self.draining = True

    @property
    def records(self) -> Records:
        """What is kept on record.

        Raises:
            NotReady: This server keeps nothing.
        """
        if self.kept is None:
            raise NotReady("This server was started without a database.", hint="Ask another one.", retry_after_s=60)
        return self.kept

    def champion(self) -> Champion:
        """Return the model in service.

        Raises:
            NotReady: None has been loaded yet.
        """
        if (champion := self.watch.champion) is not None:
            return champion
        trouble = self.watch.trouble
        raise NotReady(
            "No model is in service yet." + (f" {trouble.reason}" if trouble else ""),
            hint="A promoted version is taken into service by itself."
            if self.watch.version is None
            else f"This server is pinned to version {self.watch.version}, and tries again by itself.",
            retry_after_s=self.options.poll_s,
        )

    def version(self, version: str) -> Champion | None:
        """Return the model in service that has a version's number: the champion or the canary.

        Raises:
            NotReady: No model is in service.
        """
        canary = self.canary.watch.champion if self.canary else None
        found = (one for one in (self.champion(), canary) if one is not None and str(one.ref.version) == version)
        return next(found, None)

    def categories(self) -> set[str]:
        """Return the codes that an answer may have: the champion's and the canary's.

        Raises:
            NotReady: No model is in service.
        """
        canary = self.canary.watch.champion if self.canary else None
        return {code for one in (self.champion(), canary) if one is not None for code in one.model.categories}

    def count(self, predictions: Sequence[Prediction]) -> None:
        """Count answers by category, by what they rest on and by why a person should look, and how sure they are."""
        confidence = self.telemetry.histogram("aisle_confidence")
        seen: dict[tuple[str, str], int] = {}
        for prediction in predictions:
            confidence.observe(prediction.confidence)
            told = ("aisle_products_total", prediction.code)
            seen[told] = seen.get(told, 0) + 1
            told = ("aisle_modalities_total", _MODALITIES.get(prediction.modalities, "none"))
            seen[told] = seen.get(told, 0) + 1
            if prediction.review is not None:
                told = ("aisle_reviews_total", prediction.review)
                seen[told] = seen.get(told, 0) + 1
        for (name, label), times in seen.items():
            self.telemetry.series(name, label).inc(times)

    def ready(self) -> Champion:
        """Return the model in service if new requests are welcome.

        Raises:
            NotReady: No model has been loaded yet, or the server is stopping.
        """
        if self.draining:
            raise NotReady("The server is stopping.", hint="Ask another one.", retry_after_s=self.options.drain_s + 1)
        return self.champion()


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
"""The service, as a parameter of a route."""
