"""API keys: who may ask a server for what, in a database that holds no secret.

A name has one current key. Rotating makes a new one and lets the old one live on for a while, so that its users can change
over; revoking ends every key of a name at once. No row is ever deleted: who had which key, and until when, stays on record.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self, get_args

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from aisle.errors import AccessError
from aisle.registry.key_secrets import Seal, new_key
from aisle.storage.database import Database
from aisle.storage.schema import api_keys

Scope = Literal["predict", "review", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What a key may be for: asking for predictions, saying what is right, and promoting or rolling back."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_MAX_RATE = 10_000_000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without its secret.

    Args:
        id: The row's number.
        name: Whose it is; ledger, feedback and log name it.
        prefix: The part by which it is looked up; no secret.
        seal: What proves the key.
        scopes: What it is for.
        requests_per_minute: How often it may ask; `None` for as often as it likes.
        created_at: When it was made.
        expires_at: From when on it is refused, if ever.
        replaced_at: When a newer key of its name was made, if one was.
        revoked_at: When it was revoked, if it was.
        last_used_at: When a server last saw it used, to within a few seconds.
    """

    id: int
    name: str
    prefix: str
    seal: Seal
    scopes: frozenset[Scope]
    requests_per_minute: int | None
    expires_at: datetime | None
    replaced_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return the key that a row of `api_keys` tells of."""
        scopes = frozenset(scope for scope in SCOPES if scope in row.scopes.split())
        return cls(**{**row._mapping, "seal": Seal.read(row.seal), "scopes": scopes})

    def state(self, now: datetime) -> Literal["active", "replaced", "expired", "revoked"]:
        """Return whether it works at a moment: `active` and `replaced` keys do."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.replaced_at is None else "replaced"


class ApiKeys:
    """The keys of a database.

    Args:
        database: Where the rows live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        *,
        scopes: Sequence[str],
        requests_per_minute: int | None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key, and return it with its secret, which nobody can tell again.

        Args:
            name: Whose it is: up to 64 letters, digits, `.`, `_`, `@` and `-`.
            scopes: What it is for, at least one.
            requests_per_minute: How often it may ask; `None` for as often as it likes.
            expires_at: From when on it is refused, if ever.

        Raises:
            AccessError: The name is taken or malformed, no scope is given or one is unknown, the rate is not from 1 to
                10,000,000, or the end is past.
        """
        _check(name, scopes, requests_per_minute, expires_at)
        values = {
            "name": name,
            "scopes": " ".join(scope for scope in SCOPES if scope in scopes),
            "requests_per_minute": requests_per_minute,
            "expires_at": expires_at,
        }
        try:
            with self._database.transaction() as connection:
                return _add(connection, values)
        except IntegrityError:
            raise AccessError(
                f"There is a key {name} already.",
                hint=f"Take another name, or `aisle keys rotate {name}`, or `aisle keys revoke {name}`.",
            ) from None

    def rotate(self, name: str, *, grace: timedelta) -> tuple[ApiKey, str]:
        """Make a new key like the current one of a name, and return it with its secret; the old one lives on for a while.

        Args:
            name: Whose key it is.
            grace: How long the old key goes on working, if it does not end before.

        Raises:
            AccessError: The name has no current key, its current key has expired, or somebody else replaced it meanwhile.
        """
        _check_known(name)
        now = datetime.now(UTC)
        current = api_keys.c.name == name, api_keys.c.replaced_at.is_(None), api_keys.c.revoked_at.is_(None)
        with self._database.transaction() as connection:
            # The update takes the row's lock: of two who rotate at once the second finds no current key to replace.
            replaced = connection.execute(
                update(api_keys).where(*current).values(replaced_at=now).returning(api_keys)
            ).one_or_none()
            if replaced is None:
                raise _unknown(name)
            old = ApiKey.from_row(replaced)
            if old.expires_at is not None and old.expires_at <= now:
                raise AccessError(
                    f"The key {name} has expired.", hint=f"`aisle keys revoke {name}`, then create it anew with a later end."
                )
            values = {"expires_at": min(now + grace, old.expires_at or datetime.max.replace(tzinfo=UTC))}
            connection.execute(update(api_keys).where(api_keys.c.id == old.id).values(values))
            taken = {field: getattr(replaced, field) for field in ("name", "scopes", "requests_per_minute", "expires_at")}
            return _add(connection, taken)

    def revoke(self, name: str) -> int:
        """End every key of a name that works still, and return how many there were.

        Raises:
            AccessError: There is none.
        """
        _check_known(name)
        live = api_keys.c.name == name, api_keys.c.revoked_at.is_(None)
        with self._database.transaction() as connection:
            ended = connection.execute(update(api_keys).where(*live).values(revoked_at=datetime.now(UTC))).rowcount
        if not ended:
            raise _unknown(name)
        return ended

    def all(self) -> list[ApiKey]:
        """Return every key that there ever was, by name, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.name, api_keys.c.id))
            return [ApiKey.from_row(row) for row in rows]

    def live(self) -> list[ApiKey]:
        """Return the keys that work now."""
        with self._database.reading() as connection:
            rows = connection.execute(select(api_keys).where(*_works(datetime.now(UTC))).order_by(api_keys.c.id))
            return [ApiKey.from_row(row) for row in rows]

    def touch(self, used: Mapping[int, datetime]) -> None:
        """Keep when keys were last used; a moment before the one that is kept changes nothing.

        Args:
            used: By the key's number.
        """
        if not used:
            return
        earlier = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("moment"))
        statement = update(api_keys).where(api_keys.c.id == bindparam("number"), earlier)
        with self._database.transaction(relaxed=True) as connection:
            connection.execute(
                statement.values(last_used_at=bindparam("moment")),
                # In the order of their numbers: two servers that write at once cannot wait for each other in a ring.
                [{"number": number, "moment": used[number]} for number in sorted(used)],
            )


def _add(connection: Connection, values: Mapping[str, Any]) -> tuple[ApiKey, str]:
    prefix, secret = new_key()
    statement = insert(api_keys).values(**values, prefix=prefix, seal=Seal.of(secret).text).returning(api_keys)
    return ApiKey.from_row(connection.execute(statement).one()), secret


def _works(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return api_keys.c.revoked_at.is_(None), or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)


def _check(name: str, scopes: Sequence[str], rate: int | None, expires_at: datetime | None) -> None:
    if not _NAME.fullmatch(name):
        raise AccessError(
            "The name of a key has 1 to 64 letters, digits, `.`, `_`, `@` and `-`, and begins with a letter or digit.",
            hint="Name it after who or what will use it.",
        )
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise AccessError(f"{unknown[0]!r} is no scope.", hint=f"Scopes are {', '.join(SCOPES)}.")
    if not scopes:
        raise AccessError("A key without a scope may do nothing.", hint=f"Give some of {', '.join(SCOPES)}.")
    if rate is not None and not 1 <= rate <= _MAX_RATE:
        raise AccessError(f"{rate:,} requests a minute is no rate.", hint=f"Give 1 to {_MAX_RATE:,}.")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise AccessError("The key would be expired from the start.", hint="Give an end that lies ahead.")


def _check_known(name: str) -> None:
    # What no key can be called is not looked for: PostgreSQL's text holds no NUL.
    if not _NAME.fullmatch(name):
        raise _unknown(name)


def _unknown(name: str) -> AccessError:
    return AccessError(f"There is no key {name!r} that works.", hint="`aisle keys list` shows those that there are.")
