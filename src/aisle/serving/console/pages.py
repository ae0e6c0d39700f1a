"""How a page is made: templates that escape everything, headers that let nothing else in, and errors as pages."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from aisle.errors import AisleError, NotReady, Unauthenticated
from aisle.serving.console.sessions import COOKIE, Role, Session, Sessions
from aisle.serving.console.words import Language, preferred, said
from aisle.serving.console_records import ConsoleRecords
from aisle.serving.problems import aisle_problem, status_of
from aisle.serving.service import Service

PATH = "/console"
"""Where the console lies."""

LANGUAGE_COOKIE, THEME_COOKIE = "aisle_language", "aisle_theme"
THEMES = ("auto", "light", "dark")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_ROOMS: tuple[tuple[str, str, Role], ...] = (
    ("try", "Try it", "viewer"),
    ("review", "Review", "reviewer"),
    ("models", "Models", "viewer"),
    ("operations", "Operations", "viewer"),
    ("catalogue", "Catalogue", "viewer"),
    ("drift", "Drift", "viewer"),
)


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in.

    Args:
        request: The request.
        session: Who it is.
        service: The server's live parts.
        records: What the console reads and writes.
    """

    request: Request
    session: Session
    service: Service
    records: ConsoleRecords

    @property
    def language(self) -> Language:
        """The language that is spoken."""
        return language_of(self.request)

    @property
    def root(self) -> str:
        """What stands before every path of the console."""
        return root_of(self.request)

    def page(self, name: str, room: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page.

        Args:
            name: Its template, without the ending.
            room: The room that it belongs to.
            status: The HTTP status.
            values: What the template shows.
        """
        rooms = [(path, title) for path, title, role in _ROOMS if self.session.may(role)]
        return render(self.request, name, status=status, session=self.session, rooms=rooms, room=room, **values)


async def visit(request: Request, role: Role = "viewer") -> Visit:
    """Return who asks, if they may.

    Raises:
        Unauthenticated: Nobody is signed in.
        Forbidden: The role is less than what is needed, or a form is from elsewhere.
        NotReady: The server keeps nothing that the console could show.
    """
    service: Service = request.app.state.service
    session = sessions_of(request).find(request.cookies.get(COOKIE))
    if request.method == "POST":
        sent = request.headers.get("x-csrf-token") or (await request.form()).get("csrf")
        session.require_token(sent if isinstance(sent, str) else "")
    session.require(role)
    records = None if service.kept is None else service.kept.console
    if records is None:
        raise NotReady("This server was started without a database.", hint="Ask another one.", retry_after_s=60)
    return Visit(request, session, service, records)


async def fields(request: Request, *names: str) -> list[str]:
    """Return fields of a form as text, empty where they are missing."""
    form = await request.form()
    found = [form.get(name) for name in names]
    return [value if isinstance(value, str) else "" for value in found]


def number_of(text: str, digits: int = 9) -> int:
    """Return a number that came as text; 0, which nothing has, where it is none.

    Args:
        text: What came.
        digits: How many digits it may have.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else 0


def sessions_of(request: Request) -> Sessions:
    """Return the sessions of the server."""
    sessions: Sessions = request.app.state.sessions
    return sessions


def root_of(request: Request) -> str:
    """Return what stands before every path of the console, a proxy's prefix with it."""
    return f"{request.scope.get('root_path', '')}{PATH}"


def language_of(request: Request) -> Language:
    """Return the language that a request is answered in."""
    return preferred(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))


def render(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page that needs nobody to be signed in.

    Args:
        request: The request.
        name: The template, without its ending.
        status: The HTTP status.
        values: What it shows.
    """
    language, theme = language_of(request), request.cookies.get(THEME_COOKIE, "auto")
    shown = {
        "root": root_of(request),
        "language": language,
        "theme": theme if theme in THEMES else "auto",
        "themes": THEMES,
        "here": request.url.path,
        "_": partial(said, language=language),
    }
    told: dict[str, Any] = {"session": None, "rooms": [], "room": "", "alert": "", "note": ""}
    body = _templates().get_template(f"{name}.html").render(**{**told, **shown, **values})
    # A lone half of a character pair, as JSON may bring it, is no text that could be sent.
    return HTMLResponse(body.encode("utf-8", "replace"), status, headers=_HEADERS)


def refused(scope: Scope, error: AisleError) -> Response:
    """Return the refusal of a request before it is read: a page for people, a problem document for programs.

    Args:
        scope: The request's scope.
        error: Why.
    """
    if not scope["path"].startswith(f"{PATH}/"):
        return aisle_problem(scope, error)
    return render(Request(scope), "error", status=status_of(error), alert=str(error))


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters["moment"] = lambda at: f"{at:%Y-%m-%d %H:%M}" if at else ""
    found.filters["share"] = lambda value: "<1%" if 0 < value < 0.005 else f"{value:.0%}"
    found.filters["clear"] = isolated
    return found


def isolated(text: str | None, most: int = 2_000) -> Markup:
    """Return text from elsewhere so that it stays in its place: escaped, cut, and unable to turn its surroundings round."""
    cut = (text or "")[:most] + ("…" if len(text or "") > most else "")
    return Markup("<bdi>{}</bdi>").format(cut)


class ConsoleRoute(APIRoute):
    """A route whose errors are pages, and whose strangers are shown the door."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except Unauthenticated:
                # A part of a page is no place to come back to: the page is.
                page = urlsplit(request.headers.get("hx-current-url", "")).path or request.url.path
                door = f"{root_of(request)}/sign-in?next={quote(page, safe='/')}"
                if request.headers.get("hx-request"):
                    return Response(status_code=204, headers={"HX-Redirect": door})
                return RedirectResponse(door, 303)
            except AisleError as error:
                return render(request, "error", status=status_of(error), alert=str(error))
            except HTTPException as error:
                # Such as of a form with a field of megabytes, which is never read to its end.
                return render(request, "error", status=error.status_code, alert=str(error.detail))
            finally:
                # What was uploaded lies in files that nobody else closes.
                await request.close()

        return answered
