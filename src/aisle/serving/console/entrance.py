"""Signing in and out, language and appearance, and the console's own files."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from aisle.errors import AisleError, ObjectNotFound, Unauthenticated
from aisle.serving.access import refuse_strangers
from aisle.serving.console.pages import (
    LANGUAGE_COOKIE,
    PATH,
    THEME_COOKIE,
    THEMES,
    ConsoleRoute,
    fields,
    render,
    root_of,
    sessions_of,
    visit,
)
from aisle.serving.console.sessions import COOKIE, Session
from aisle.serving.console.words import LANGUAGES
from aisle.serving.problems import status_of
from aisle.serving.service import Service

_FILES = {"console.css": "text/css", "console.js": "text/javascript", "htmx.min.js": "text/javascript"}
_YEAR_S = 31_536_000

router = APIRouter(prefix=PATH, route_class=ConsoleRoute, include_in_schema=False)
elsewhere = APIRouter(prefix=PATH, route_class=ConsoleRoute, include_in_schema=False)
"""Every other path of the console; it is asked last."""


@router.get("")
@router.get("/")
async def home(request: Request) -> Response:
    """Lead to the first room."""
    return RedirectResponse(f"{root_of(request)}/try", 303)


@router.get("/sign-in")
async def door(request: Request) -> Response:
    """Ask for a key."""
    return _door(request)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session, and lead to where somebody wanted to go."""
    service: Service = request.app.state.service
    key, wanted = await fields(request, "key", "next")
    try:
        _require_own_page(request)
        token, session = _begin(request, service, key.strip())
    except AisleError as error:
        return _door(request, alert=str(error), status=status_of(error))
    if service.kept is not None and service.kept.console is not None:
        audit = service.kept.console.audit
        await service.desk.run(lambda: audit.add(session.name, "sign-in", session.role))
    root = root_of(request)
    answer = RedirectResponse(wanted if wanted.startswith(f"{root}/") and "//" not in wanted else f"{root}/try", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, path=root, httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    await visit(request)
    sessions_of(request).end(request.cookies.get(COOKIE))
    answer = RedirectResponse(f"{root_of(request)}/sign-in", 303)
    answer.delete_cookie(COOKIE, path=root_of(request))
    return answer


@router.post("/preferences")
async def preferences(request: Request) -> Response:
    """Keep a language and an appearance in cookies: nothing that needs a session."""
    language, theme, back = await fields(request, "language", "theme", "back")
    root = root_of(request)
    answer = RedirectResponse(back if back.startswith(f"{root}/") and "//" not in back else f"{root}/try", 303)
    for name, value, known in ((LANGUAGE_COOKIE, language, LANGUAGES), (THEME_COOKIE, theme, THEMES)):
        if value in known:
            answer.set_cookie(name, value, max_age=_YEAR_S, path=root, httponly=True, samesite="strict")
    return answer


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Return one of the console's own files."""
    if name not in _FILES:
        return Response(status_code=404)
    return Response(_file(name), media_type=_FILES[name], headers={"Cache-Control": "no-cache"})


@elsewhere.get("/{path:path}")
async def nowhere(request: Request) -> Response:
    """Say that there is no such page, to whoever is signed in."""
    await visit(request)
    raise ObjectNotFound("There is no such page.", hint="The rooms are named at the top.")


def _begin(request: Request, service: Service, key: str) -> tuple[str, Session]:
    sessions = sessions_of(request)
    if key:
        return sessions.begin(key)
    if not service.options.open:
        raise Unauthenticated("There is no key in the field.", hint="`aisle keys create NAME --scope review` makes one.")
    refuse_strangers(request.scope)
    return sessions.begin_local()


def _require_own_page(request: Request) -> None:
    """Make sure that the form was sent by a page of ours, where the browser says from where it was."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Unauthenticated("The form came from another site.", hint="Sign in here.")


def _door(request: Request, *, alert: str = "", status: int = 200) -> Response:
    service: Service = request.app.state.service
    wanted = request.query_params.get("next", "")
    return render(request, "sign_in", status=status, alert=alert, wanted=wanted, open=service.options.open)


@cache
def _file(name: str) -> bytes:
    return files(__package__).joinpath("static", name).read_bytes()
