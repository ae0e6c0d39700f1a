"""Retrain requests: what monitoring or people's corrections ask for, who took it on, and what became of it.

    requested ──▶ taken ──▶ promoted               a new version is champion
        │           ├─────▶ trained_not_promoted   there is a new version, and the gate refused it
        │           └─────▶ failed                 there is no new version, or nobody heard of it again
        └─────────────────▶ expired                nobody took it in time

Of a model one request at a time is open (`requested` or `taken`). After one was asked for, the model is left in peace
until `quiet_until`: a drift that lasts for days asks once, not at every run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self, get_args

import orjson
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aisle.errors import MonitoringError, RequestConflict
from aisle.storage.database import Database
from aisle.storage.schema import retrain_requests

RequestState = Literal["requested", "taken", "failed", "trained_not_promoted", "promoted", "expired"]
REQUEST_STATES: tuple[RequestState, ...] = get_args(RequestState)
Outcome = Literal["failed", "trained_not_promoted", "promoted"]
_OPEN = ("requested", "taken")
_LEASE = timedelta(hours=24)
_LATE = (
    ("requested", "expired", "Nobody took it in time."),
    ("taken", "failed", "Whoever took it never said what became of it."),
)


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """One request.

    Args:
        id: Its number.
        run_id: The monitoring run that asked, or that was the newest when something else did; none where there was none.
        model: Name of the registered model.
        requested_at: When it was asked for.
        version: The version that was found wanting; none for a bundle that is not registered.
        reasons: Why, as sentences.
        state: How far it is.
        changed_at: Since when it is so far.
        expires_at: When it expires if nobody takes it; once it is taken, when it counts as failed.
        quiet_until: Until when nothing more is asked for.
        taken_by: Who took it on, if anybody.
        new_version: The version that came of it, if one did.
        outcome: What became of it, as a sentence.
    """

    id: int
    run_id: int | None
    model: str
    requested_at: datetime
    version: int | None
    reasons: tuple[str, ...]
    state: RequestState
    changed_at: datetime
    expires_at: datetime
    quiet_until: datetime
    taken_by: str | None
    new_version: int | None
    outcome: str

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return what a row of `retrain_requests` tells of."""
        values = dict(row._mapping)
        return cls(**{**values, "reasons": tuple(orjson.loads(values["reasons"]))})


class RetrainRequests:
    """The requests in a database.

    Args:
        database: Where the rows live; it has been migrated.
        model: Name of the registered model that they are about.
    """

    def __init__(self, database: Database, model: str = "aisle") -> None:
        self._database = database
        self._model = model

    def ask(
        self,
        run_id: int | None,
        reasons: Sequence[str],
        *,
        version: int | None,
        quiet: timedelta,
        lifetime: timedelta,
        now: datetime | None = None,
    ) -> RetrainRequest | None:
        """Ask for a retraining, unless one is open or the last one is not long enough ago.

        Args:
            run_id: The monitoring run that asks, or goes with it; nothing where there is none.
            reasons: Why, as sentences, at least one.
            version: The version that was found wanting.
            quiet: How long nothing more is to be asked for.
            lifetime: How long somebody has to take it.
            now: The moment; now by default.

        Returns:
            The request, or nothing where none was made; `last` tells of the one that stands in its way.
        """
        moment = now or datetime.now(UTC)
        if not reasons:
            raise MonitoringError("A retraining was asked for without a reason.", hint="Say why.")
        self.expire(now=moment)
        values = {
            "run_id": run_id,
            "model": self._model,
            "requested_at": moment,
            "version": version,
            "reasons": orjson.dumps(list(reasons)).decode(),
            "state": "requested",
            "changed_at": moment,
            "expires_at": moment + lifetime,
            "quiet_until": moment + quiet,
        }
        barred = retrain_requests.c.state.in_(_OPEN) | (retrain_requests.c.quiet_until > moment)
        look = select(func.count()).select_from(retrain_requests).where(retrain_requests.c.model == self._model, barred)
        try:
            with self._database.transaction() as connection:
                if connection.execute(look).scalar_one():
                    return None
                statement = insert(retrain_requests).values(values).returning(retrain_requests)
                return RetrainRequest.from_row(connection.execute(statement).one())
        except IntegrityError:
            # Somebody asked between the look and the write; if not, it is something else.
            with self._database.reading() as connection:
                if connection.execute(look).scalar_one():
                    return None
            raise

    def take(
        self, who: str, *, again: bool = False, within: timedelta = _LEASE, now: datetime | None = None
    ) -> RetrainRequest | None:
        """Take on the open request, if there is one that nobody has taken; of many who try, one gets it.

        Args:
            who: Who takes it on.
            again: Whether one that they have taken already is theirs to go on with, as after a kill. Nobody else may be
                called the same then.
            within: In what time they say what became of it; then it counts as failed.
            now: The moment; now by default.
        """
        moment = now or datetime.now(UTC)
        self.expire(now=moment)
        free = retrain_requests.c.state == "requested"
        if again:
            free |= (retrain_requests.c.state == "taken") & (retrain_requests.c.taken_by == who)
        waiting = retrain_requests.c.model == self._model, free
        change = {"state": "taken", "changed_at": moment, "taken_by": who, "expires_at": moment + within}
        with self._database.transaction() as connection:
            row = connection.execute(
                update(retrain_requests).where(*waiting).values(change).returning(retrain_requests)
            ).one_or_none()
        return None if row is None else RetrainRequest.from_row(row)

    def close(
        self, request_id: int, outcome: Outcome, told: str, *, new_version: int | None = None, now: datetime | None = None
    ) -> RetrainRequest:
        """Say what became of a request that was taken.

        Args:
            request_id: Its number.
            outcome: `failed`, `trained_not_promoted` or `promoted`.
            told: What happened, as a sentence.
            new_version: The version that came of it, if one did.
            now: The moment; now by default.

        Raises:
            RequestConflict: It is not taken, or was closed already.
        """
        change = {"state": outcome, "changed_at": now or datetime.now(UTC), "outcome": told, "new_version": new_version}
        taken = retrain_requests.c.id == request_id, retrain_requests.c.state == "taken"
        with self._database.transaction() as connection:
            row = connection.execute(
                update(retrain_requests).where(*taken).values(change).returning(retrain_requests)
            ).one_or_none()
        if row is None:
            raise RequestConflict(
                f"Retrain request {request_id} is not under way.", hint="`aisle monitor requests` shows how far each is."
            )
        return RetrainRequest.from_row(row)

    def expire(self, *, now: datetime | None = None) -> int:
        """Close requests that nobody took in time, or was heard of again after, and return how many those were."""
        moment = now or datetime.now(UTC)
        late = retrain_requests.c.model == self._model, retrain_requests.c.expires_at <= moment
        closed = 0
        with self._database.transaction() as connection:
            for before, after, told in _LATE:
                change = {"state": after, "changed_at": moment, "outcome": told}
                stale = update(retrain_requests).where(*late, retrain_requests.c.state == before)
                closed += connection.execute(stale.values(change)).rowcount
        return closed

    def last(self) -> RetrainRequest | None:
        """Return the newest request, if there is any."""
        return next(iter(self.all(limit=1)), None)

    def all(self, *, limit: int = 50) -> list[RetrainRequest]:
        """Return requests, newest first.

        Args:
            limit: How many at most.
        """
        query = (
            select(retrain_requests)
            .where(retrain_requests.c.model == self._model)
            .order_by(retrain_requests.c.id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [RetrainRequest.from_row(row) for row in connection.execute(query)]

    def counts(self) -> dict[RequestState, int]:
        """Return how many requests there are in each state, those without any included."""
        query = (
            select(retrain_requests.c.state, func.count().label("requests"))
            .where(retrain_requests.c.model == self._model)
            .group_by(retrain_requests.c.state)
        )
        with self._database.reading() as connection:
            found = {row.state: int(row.requests) for row in connection.execute(query)}
        return {state: found.get(state, 0) for state in REQUEST_STATES}
