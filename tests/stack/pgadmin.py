"""pgAdmin over HTTP, as its own page asks it: log in, and see which databases its servers have."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


class PgAdmin:
    """A session of one account.

    Args:
        client: A client of the address that has logged in.
        token: What a request carries against forgery.
    """

    def __init__(self, client: httpx.Client, token: str) -> None:
        self._client = client
        self._headers = {"X-pgA-CSRFToken": token}

    @classmethod
    @contextmanager
    def logged_in(cls, url: str, email: str, password: str) -> Iterator["PgAdmin"]:
        """Log in, and go on as the page does that a person then sees."""
        with httpx.Client(base_url=url, timeout=60, follow_redirects=True) as client:
            form = {"email": email, "password": password, "csrf_token": _found('csrfToken": "', client.get("/login"))}
            answer = client.post("/authenticate/login", data=form)
            assert answer.url.path == "/browser/", answer.text[:1_000]
            yield cls(client, _found("csrf_token'] = '", client.get("/browser/js/utils.js")))

    def servers(self) -> list[dict[str, Any]]:
        """Return what it knows of every server, with the group that it is in."""
        groups = self._ask("GET", "/browser/server_group/nodes/")["data"]
        listed = ((group, self._ask("GET", f"/browser/server/nodes/{group['_id']}/")) for group in groups)
        # A group without a server is answered as one that is not there.
        return [{**server, "group": group["_id"]} for group, answer in listed for server in answer["result"] or ()]

    def databases(self, server: dict[str, Any]) -> set[str]:
        """Connect without a password being typed, and return the names of its databases."""
        place = f"{server['group']}/{server['_id']}"
        connected = self._ask("POST", f"/browser/server/connect/{place}", json={})
        assert connected["info"] == "Server connected.", connected
        return {database["label"] for database in self._ask("GET", f"/browser/database/nodes/{place}/")["data"]}

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.request(method, path, headers=self._headers, **more).json()
        return answer


def _found(before: str, answer: httpx.Response) -> str:
    token = re.search(re.escape(before) + r"([\w.-]+)", answer.text)
    assert token is not None, answer.text[:1_000]
    return token[1]
