"""Who may ask for what: a key is looked for, proved and charged before a byte of the body is read.

Whatever is not named here as open needs a key, so a route that somebody adds is closed until it is opened on purpose.
"""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.errors import AisleError, Forbidden, RateLimited, SettingsError, Unauthenticated
from aisle.registry.keys import SCOPES
from aisle.registry.keys import Scope as KeyScope
from aisle.serving.keyring import Keyring
from aisle.serving.problems import aisle_problem
from aisle.serving.rates import Rates
from aisle.settings import Serving
from aisle.telemetry import Telemetry

OPEN_PATHS = frozenset(
    {
        *("/health/live", "/health/ready", "/openapi.json", "/docs"),
        # What clients of the Open Inference Protocol and of MLflow's scoring protocol ask before they know a key.
        *("/v2/health/live", "/v2/health/ready", "/ping", "/health", "/version"),
    }
)
"""Paths that need no key: whether the server is there, and how to speak to it."""

_CONSOLE = "/console"
_READING = frozenset({"GET", "HEAD"})
_MAX_KEY = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Args:
        name: The key's name; `local` where the server is open and no key came.
        scopes: What the caller may do.
    """

    name: str
    scopes: frozenset[KeyScope]


_LOCAL = Caller("local", frozenset(SCOPES))


def needed(method: str, path: str) -> KeyScope | Literal["any", "nothing"]:
    """Return what a key must be for to ask this; reading takes any key.

    >>> needed("POST", "/v1/predictions"), needed("POST", "/v1/models/3/promote"), needed("GET", "/v1/models")
    ('predict', 'admin', 'any')
    """
    if path in OPEN_PATHS or path == _CONSOLE or path.startswith(f"{_CONSOLE}/"):
        # The console has sessions of its own: a browser sends no key.
        return "nothing"
    if method in _READING:
        return "any"
    if path == "/v1/feedback":
        return "review"
    return "admin" if path.startswith("/v1/models/") else "predict"


def require_loopback_if_open(options: Serving) -> None:
    """Make sure that a server without keys listens to this machine only.

    Raises:
        SettingsError: It is open, and would listen beyond loopback.
    """
    if options.open and not is_loopback(options.host):
        raise SettingsError(
            f"An open server answers without keys, and {options.host} is reached from other machines.",
            hint="Leave out AISLE_SERVING_OPEN (--open) and make keys with `aisle keys create`, or leave out"
            " AISLE_SERVING_HOST (--host).",
        )


@lru_cache(maxsize=1_024)
def is_loopback(host: str) -> bool:
    """Return whether an address, or a name of one, is this machine's own to itself.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost", "0.0.0.0", "shop.example")]
    [True, True, True, True, False, False]
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


class Access:
    """Lets a request through if its key may ask it, and says who asks.

    Args:
        app: The application within.
        options: Whether the server is open, and who reads metrics.
        keyring: The keys.
        telemetry: Counts refusals.
    """

    def __init__(self, app: ASGIApp, *, options: Serving, keyring: Keyring, telemetry: Telemetry) -> None:
        self._app = app
        self._options = options
        self._keyring = keyring
        self._rates = Rates()
        self._refusals = telemetry.counter("aisle_refusals_total")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            headers = self._admit(scope)
        except AisleError as error:
            self._refusals.labels(error.code).inc()
            await aisle_problem(scope, error)(scope, receive, send)
            return
        await self._app(scope, receive, _with_headers(send, headers) if headers else send)

    def _admit(self, scope: Scope) -> dict[str, str]:
        """Note who asks in the request's state, and return the headers that the answer tells the key's limit by."""
        # The path within the application, as its router sees it: a proxy's prefix must not change what is asked of a key.
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        need = needed(scope["method"], path)
        if need == "nothing" or (path == "/metrics" and self._metrics_are_open(scope)):
            return {}
        key = _sent_key(scope)
        if key is None:
            if not self._options.open:
                raise self._keyring.missing()
            refuse_strangers(scope)
            scope["state"]["caller"] = _LOCAL
            return {}
        proved = self._keyring.prove(key)
        structlog.contextvars.bind_contextvars(caller=proved.name)
        if need != "any" and need not in proved.scopes:
            raise lacking(need)
        scope["state"]["caller"] = Caller(proved.name, proved.scopes)
        if proved.requests_per_minute is None:
            return {}
        allowance = self._rates.take(proved.name, proved.requests_per_minute)
        if allowance.retry_after_s:
            raise RateLimited(
                f"The API key may ask {allowance.limit:,} times a minute.",
                hint="Wait, or send more products in one request.",
                retry_after_s=allowance.retry_after_s,
                headers=allowance.headers,
            )
        return allowance.headers

    def _metrics_are_open(self, scope: Scope) -> bool:
        return self._options.metrics == "open" or (self._options.metrics == "loopback" and _is_local(scope))


def lacking(scope: KeyScope) -> Forbidden:
    """Return the error for a key that has not a scope."""
    return Forbidden(
        f"The API key has not the scope `{scope}`.", hint="Use another key, or ask for one that has.", scope=scope
    )


async def _administrator(request: Request) -> Caller:
    return _caller(request, "admin")


async def _reviewer(request: Request) -> Caller:
    return _caller(request, "review")


def _caller(request: Request, scope: KeyScope) -> Caller:
    # Checked again where it matters most: a path that `needed` took for another one opens nothing.
    caller: Caller = request.scope["state"]["caller"]
    if scope not in caller.scopes:
        raise lacking(scope)
    return caller


AdministratorDep = Annotated[Caller, Depends(_administrator)]
"""Who asks, as a parameter of a route that only the scope `admin` may use."""

ReviewerDep = Annotated[Caller, Depends(_reviewer)]
"""Who asks, as a parameter of a route that only the scope `review` may use."""


def _sent_key(scope: Scope) -> str | None:
    """Return the key that a request carries, if it carries one."""
    sent: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, credentials = value[: _MAX_KEY + 1].strip().partition(b" ")
            if scheme.lower() != b"bearer":
                raise Unauthenticated(
                    "The header Authorization is of another scheme than Bearer.",
                    hint="Send `Authorization: Bearer KEY`.",
                    sent=True,
                )
            sent.append(credentials.strip())
        elif name == b"x-api-key":
            sent.append(value[: _MAX_KEY + 1].strip())
    if len(sent) > 1:
        # Which of them a proxy before us looked at is not for us to guess.
        raise Unauthenticated("The request carries more than one API key.", hint="Send exactly one.", sent=True)
    return str(sent[0], "latin-1") if sent else None


def _is_local(scope: Scope) -> bool:
    # The address that the connection was accepted on, as the socket says it: no header can forge it. A Unix socket has
    # a path or nothing there.
    host = (scope.get("server") or ("localhost", None))[0]
    return is_loopback(host) or not _is_address(host)


@lru_cache(maxsize=1_024)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def refuse_strangers(scope: Scope) -> None:
    """Refuse what reaches an open server from outside: over another address, or through a page in a browser here.

    Raises:
        Unauthenticated: It came over another address than loopback.
        Forbidden: A page from elsewhere asks.
    """
    if not _is_local(scope):
        raise Unauthenticated(
            "This server answers without keys on its own machine only.", hint="Ask over 127.0.0.1, or send a key."
        )
    for name, value in scope["headers"]:
        # A page from elsewhere whose name was made to lead here (DNS rebinding) still says where it is from.
        if name == b"origin" and not is_loopback(_origin_host(value)):
            raise Forbidden(
                "This server answers no pages from elsewhere without a key.", hint="Ask from this machine, or send a key."
            )


def _origin_host(value: bytes) -> str:
    try:
        return urlsplit(str(value, "latin-1")).hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send, headers: dict[str, str]) -> Send:
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            fields: list[Any] = [*message["headers"], *added]
            message["headers"] = fields
        await send(message)

    return told
