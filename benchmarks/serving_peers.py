"""What serving is measured beside: an empty endpoint, and the plain services that tutorials show, each a process.

python -m benchmarks.serving_peers empty|plain|same PORT
"""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response

ANSWER_BYTES = 640
"""Bytes of one of our answers to one product: what the empty endpoint returns."""


def empty() -> FastAPI:
    """Return an application that parses JSON and returns JSON of the size of our answers."""
    import orjson

    app = FastAPI()
    answer = {"padding": "x" * (ANSWER_BYTES - 16)}

    @app.post("/v1/predictions")
    async def echo(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps(answer), media_type="application/json")

    return app


def plain() -> FastAPI:
    """Return the service that tutorials show: scikit-learn's TF-IDF and a linear model behind a FastAPI endpoint."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline, make_union

    from benchmarks.serving_models import CLASSES, labels_of, titled_products

    products = titled_products()[:4_000]
    texts = [product.title or "" for product in products]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
    model = make_pipeline(make_union(words, characters), SGDClassifier(loss="log_loss", max_iter=5, tol=None))
    model.fit(texts, labels_of(products))
    names = {label: f"Category {label}" for label in range(CLASSES)}
    app = FastAPI()

    class Item(BaseModel):
        title: str
        description: str | None = None

    class Found(BaseModel):
        code: int
        name: str
        confidence: float
        top: list[dict[str, Any]]

    @app.post("/v1/predictions")
    def predict(item: Item) -> Found:
        shares = model.predict_proba([item.title])[0]
        order = shares.argsort()[::-1][:5]
        top = [{"code": int(k), "name": names[int(k)], "probability": float(shares[k])} for k in order]
        return Found(code=int(order[0]), name=names[int(order[0])], confidence=float(shares[order[0]]), top=top)

    return app


def same() -> FastAPI:
    """Return the plain service with our bundle as its model."""
    from aisle.catalog.product import Product
    from aisle.models.bundle import Bundle
    from benchmarks.serving_models import bundle_folder

    bundle = Bundle.load(bundle_folder())
    app = FastAPI()

    class Item(BaseModel):
        title: str
        description: str | None = None

    class Found(BaseModel):
        code: str
        name: str
        confidence: float
        top: list[dict[str, Any]]

    @app.post("/v1/predictions")
    def predict(item: Item) -> Found:
        (found,) = bundle.predict([Product("0", item.title, item.description)])
        top = [{"code": one.code, "name": one.name, "probability": one.probability} for one in found.top]
        return Found(code=found.code, name=found.name, confidence=found.confidence, top=top)

    return app


def main(which: str, port: int) -> None:
    """Serve one of them."""
    app = {"empty": empty, "plain": plain, "same": same}[which]()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, loop="uvloop", http="httptools")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
