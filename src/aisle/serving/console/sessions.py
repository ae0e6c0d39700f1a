"""Who is signed in: a session for each browser, kept in memory, good for as long as its key works."""

import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Literal

from aisle.errors import Forbidden, Unauthenticated
from aisle.registry.keys import Scope
from aisle.serving.keyring import Keyring

COOKIE = "aisle_session"
"""The cookie that a session is known by."""

Role = Literal["viewer", "reviewer", "admin"]
_RANKS: dict[Role, int] = {"viewer": 0, "reviewer": 1, "admin": 2}
_ROLES: dict[Scope, Role] = {"predict": "viewer", "review": "reviewer", "admin": "admin"}
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that somebody signed in with.

    Args:
        name: The API key's name; what is done here is done in it.
        role: What may be done: a reviewer may do what a viewer may, an administrator everything.
        key_id: The key's number; none where the server is open and no key came.
        csrf: What every form carries, and no page from elsewhere knows.
        expires: When it ends, on the monotonic clock.
    """

    name: str
    role: Role
    key_id: int | None
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    expires: float = 0.0

    def may(self, role: Role) -> bool:
        """Return whether what takes a role may be done."""
        return _RANKS[self.role] >= _RANKS[role]

    def require(self, role: Role) -> None:
        """Make sure of a role.

        Raises:
            Forbidden: The session's is less.
        """
        if not self.may(role):
            raise Forbidden(f"This takes the role {role}, and your key has {self.role}.", hint="Sign in with another key.")

    def require_token(self, sent: str) -> None:
        """Make sure that a form is one of ours.

        Raises:
            Forbidden: It carries another token, or none.
        """
        if not hmac.compare_digest(sent.encode(), self.csrf.encode()):
            raise Forbidden("The form is not from this session.", hint="Load the page again and repeat it.")


class Sessions:
    """The sessions of one server process; they end with it.

    Args:
        keyring: The API keys; a session ends when its key does.
        lifetime_s: Seconds after which one ends in any case.
    """

    def __init__(self, keyring: Keyring, *, lifetime_s: float = 28_800.0) -> None:
        self._keyring = keyring
        self._lifetime_s = lifetime_s
        self._live: dict[str, Session] = {}

    def begin(self, key: str) -> tuple[str, Session]:
        """Sign in with an API key, and return the cookie's value and the session.

        Raises:
            Unauthenticated: It is no key that works.
        """
        proved = self._keyring.prove(key)
        role = max((_ROLES[scope] for scope in proved.scopes), key=_RANKS.__getitem__)
        return self._keep(Session(proved.name, role, proved.id, expires=time.monotonic() + self._lifetime_s))

    def begin_local(self) -> tuple[str, Session]:
        """Sign in on an open server, whose machine alone may ask it anything."""
        return self._keep(Session("local", "admin", None, expires=time.monotonic() + self._lifetime_s))

    def find(self, token: str | None) -> Session:
        """Return the session of a cookie.

        Raises:
            Unauthenticated: There is none, it has ended, or its key works no more.
        """
        session = self._live.get(token or "")
        known = session is not None and (
            session.key_id is None or any(key.id == session.key_id for key in self._keyring.known)
        )
        if session is None or not known or session.expires < time.monotonic():
            self.end(token)
            raise Unauthenticated("You are not signed in, or no longer.", hint="Sign in.")
        return session

    def end(self, token: str | None) -> None:
        """Sign out."""
        self._live.pop(token or "", None)

    def _keep(self, session: Session) -> tuple[str, Session]:
        now = time.monotonic()
        if len(self._live) >= _MOST:
            self._live = {token: one for token, one in self._live.items() if one.expires >= now}
        token = secrets.token_urlsafe(32)
        self._live[token] = session
        return token, session
