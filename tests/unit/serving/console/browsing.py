"""A browser without a window: cookies and the session's token, kept as a browser does."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import polars as pl
from httpx import Response
from sqlalchemy import insert, select

from aisle.catalog.product import Product
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.prediction_log import PredictionLog
from aisle.review.fill import Shares, fill
from aisle.storage.bulk import insert_frame
from aisle.storage.database import Database
from aisle.storage.schema import labels, products, sources
from tests.unit.serving.fakes import Client, FakeModel

HOSTILE = '<script>alert(1)</script>\u202e" {{ 7*7 }}'


class Browser:
    """Cookies and the session's token, kept as a browser does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.cookies: dict[str, str] = {}
        self.token = ""

    def get(self, path: str) -> Response:
        return self._sent(self._client.get(f"/console{path}", headers=self._headers()))

    def post(self, path: str, **fields: str) -> Response:
        data = {"csrf": self.token, **fields}
        return self._sent(self._client.request("POST", f"/console{path}", data=data, headers=self._headers()))

    def sign_in(self, key: str) -> Response:
        answer = self.post("/sign-in", key=key)
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/try").text)
        self.token = found[1] if found else ""
        return answer

    def _headers(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _sent(self, answer: Response) -> Response:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer


class Knows(FakeModel):
    """A model whose categories are what a test says they are."""

    def __init__(self, digest: str, categories: Mapping[str, str]) -> None:
        super().__init__(digest)
        self._categories = dict(categories)

    @property
    def categories(self) -> Mapping[str, str]:
        return self._categories

    def expected(self, title: str | None) -> str:
        return next(iter(self._categories))


def put_in_queue(database: Database, *texts: str, code: str = "3", source: str = "shop", image_name: str = "a.jpg") -> None:
    """Put products of these titles into the catalogue and into the queue; each was answered, and none surely.

    Args:
        database: Where they go.
        texts: Title, and description, of each.
        code: What each was answered with.
        source: The catalogue's name.
        image_name: The name of each one's image.
    """
    sent = [Product(f"P-{number}", title=text, description=text) for number, text in enumerate(texts)]
    with database.transaction() as connection:
        about = {"layout": "challenge", "mapping": "{}", "sample": "", "image_prefix": ""}
        connection.execute(insert(sources).values(name=source, **about))
        rows = pl.DataFrame([{"id": one.id, "title": one.title, "description": one.description} for one in sent])
        place = {"source": source, "split": "train", "row": 0, "load_id": 1, "image_name": image_name}
        insert_frame(connection, products, rows.with_columns(*(pl.lit(value).alias(key) for key, value in place.items())))
    top = Candidate(code, code, 0.4)
    found = [Prediction(one.id, code, code, 0.4, (top,), ("text",), (), "not confident") for one in sent]
    answered = Answered("r-1", datetime.now(UTC), 0.001, 1, "bundle-a", sent, found)
    PredictionLog(database).write(answer_rows([answered], keep_text=False))
    fill(database, datetime.now(UTC) - timedelta(days=1), Shares(drawn=0, double=0))


def given(database: Database) -> list[tuple[str, str, str]]:
    """Return the labels that people gave, oldest first: product, code, author."""
    query = select(labels.c.product_id, labels.c.code, labels.c.author).order_by(labels.c.created_at, labels.c.seq)
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]
