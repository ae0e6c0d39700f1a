"""How fast the server answers, beside an empty endpoint, plain services, MLflow's own and the same work in one process.

python -m benchmarks.bench_serving [--parts one,many,image,over,memory]

Everything is on loopback and takes turns, so that a busy machine troubles all alike; the ratios are what counts.

- `one`: one product a request on 16 connections, beside an empty endpoint, scikit-learn behind FastAPI, the same bundle
  behind FastAPI and behind `mlflow models serve`; and at half of that rate, whatever the answers do.
- `many`: a hundred products a request, beside the bundle in one process.
- `image`: a title with an image of 10 kB on 16 connections, beside decoding it and computing its features in one process.
- `over`: five times as many requests as can be answered.
- `memory`: a million answers, with keys and with every answer logged.
"""

import argparse
import base64
import contextlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from aisle.bootstrap import Application
from aisle.catalog.product import Product
from aisle.configuration import load_settings
from aisle.models.bundle import Bundle
from aisle.models.manifest import FORMAT
from aisle.registry.mlflow.package import save_package
from benchmarks.open_loop import ask
from benchmarks.reporting import ROOT, Figure, report
from benchmarks.serving_load import Peer, Server, Wrk, in_process, ratio, started, turns
from benchmarks.serving_models import bundle_folder, picture, titled_products

PARTS = ("one", "many", "image", "over", "memory")
ROUNDS = 3
SECONDS = 2.0
STARTS = 7
MANY = 100
ANSWERS = 1_000_000
EMPTY = Peer(("-m", "benchmarks.serving_peers", "empty", "PORT"))
PLAIN = Peer(("-m", "benchmarks.serving_peers", "plain", "PORT"))
SAME = Peer(("-m", "benchmarks.serving_peers", "same", "PORT"))


def ours(home: str | None = None, key: str | None = None) -> Peer:
    """Return our own server, open, or with the keys and the log of a home."""
    kept = [] if home is None else [home]
    return Peer(("-m", "benchmarks.serving_ours", str(bundle_folder()), "PORT", *kept), ready="/health/ready", key=key)


def with_mlflow() -> Peer:
    """Return `mlflow models serve` with our bundle."""
    folder = ROOT / "build" / "bench" / f"serving-mlflow-{FORMAT}"
    if not (folder / "MLmodel").is_file():
        import mlflow
        import mlflow.pyfunc

        save_package(mlflow, mlflow.models.Model(), bundle_folder(), folder)
    command = ("-m", "mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local", "-p", "PORT")
    return Peer(command, ready="/ping", path="/invocations")


def kept_home(folder: Path) -> tuple[str, str]:
    """Return a home with a database of its own, and a key without a limit."""
    application = Application(load_settings({"AISLE_HOME": str(folder)}, folder=folder))
    application.unchecked_database.migrate()
    _, key = application.keys.create("bench", scopes=["predict"], requests_per_minute=None, expires_at=None)
    application.close()
    return str(folder), key


def seconds_to_ready() -> float:
    """Return how long our server takes from its start until it is ready."""
    with started(ours()) as own:
        return own.ready_s


def one_a_request(wrk: Wrk, products: list[Product], folder: Path) -> list[Figure]:
    """Return the figures of one product a request."""
    bodies = [json.dumps({"title": product.title}).encode() for product in products[:200]]
    frames = [json.dumps({"dataframe_records": [{"title": product.title}]}).encode() for product in products[:200]]
    begun = [seconds_to_ready() for _ in range(STARTS)]
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(started(ours()))
        servers = [stack.enter_context(started(peer)) for peer in (EMPTY, PLAIN, SAME, with_mlflow())]
        kept = stack.enter_context(started(ours(*kept_home(folder))))
        asked = {server.port: frames if server.path == "/invocations" else bodies for server in (own, kept, *servers)}

        def rate(server: Server) -> float:
            return wrk.rate(server, asked[server.port], connections=16)

        for server in (own, kept, *servers):
            rate(server)
        mine, logged, *theirs = turns(ROUNDS, *(lambda s=s: rate(s) for s in (own, kept, *servers)))
        peak = median(mine)
        # In turns with the empty endpoint: what the machine and the generator add is then to be seen.
        halves = [[ask(one.port, bodies[0], rate=peak / 2, seconds=4) for one in (own, servers[0])] for _ in range(5)]
        calm, idle = (min(part, key=lambda outcome: outcome.quantile(0.99)) for part in zip(*halves, strict=True))
        empty, plain, same, mlflow = (ratio(mine, rates) for rates in theirs)
        return [
            Figure("one product, 16 connections", peak, "requests/s"),
            Figure("one product, of an empty endpoint", empty, "", 0.6),
            Figure("one product, times FastAPI + scikit-learn", plain, "", 4),
            Figure("one product, times FastAPI + the same bundle", same),
            Figure("one product, times mlflow models serve", mlflow, "", 6),
            Figure("one product, with key and log, of without", ratio(logged, mine)),
            Figure("half of peak, open loop: median", calm.quantile(0.5), "ms"),
            Figure("half of peak, open loop: p99", calm.quantile(0.99), "ms", 10, higher_is_better=False),
            Figure("  an empty endpoint at the same rate: p99", idle.quantile(0.99), "ms"),
            Figure(f"ready, median of {STARTS} starts", median(begun), "s", 3, higher_is_better=False),
            Figure("  the quickest of them", min(begun), "s"),
        ]


def bodies_of(products: list[Product]) -> tuple[list[list[Product]], list[bytes]]:
    """Return products by the hundred, and as bodies."""
    blocks = [products[start : start + MANY] for start in range(0, 1_000, MANY)]
    bodies = [json.dumps({"products": [{"title": one.title} for one in block]}).encode() for block in blocks]
    return blocks, bodies


def many_a_request(wrk: Wrk, products: list[Product], bundle: Bundle) -> list[Figure]:
    """Return the figures of a hundred products a request."""
    blocks, bodies = bodies_of(products)
    with started(ours()) as own:
        wrk.rate(own, bodies, connections=4)
        mine, alone = turns(
            ROUNDS,
            lambda: MANY * wrk.rate(own, bodies, connections=4),
            lambda: in_process(lambda turn: len(bundle.predict(blocks[turn % len(blocks)])), SECONDS / 2),
        )
    return [
        Figure("100 products a request", median(mine), "products/s"),
        Figure("100 products, of in-process predict", ratio(mine, alone), "", 0.5),
    ]


def with_images(wrk: Wrk, products: list[Product], bundle: Bundle) -> list[Figure]:
    """Return the figures of products with an image."""
    shown = [picture(n % 27, 50_000 + n) for n in range(100)]
    bodies = [
        json.dumps({"title": product.title, "image": base64.b64encode(image).decode()}).encode()
        for product, image in zip(products, shown, strict=False)
    ]
    looks = bundle._predictor.model.image
    assert looks is not None
    bundle.predict([replace(products[0], image=shown[0])])
    with started(ours()) as own:
        wrk.rate(own, bodies, connections=16)
        mine, alone = turns(
            ROUNDS,
            lambda: wrk.rate(own, bodies, connections=16),
            lambda: in_process(lambda turn: len(looks.rows([shown[turn % len(shown)]]).values), SECONDS / 2),
        )
    return [
        Figure("with a 10 kB image", median(mine), "requests/s"),
        Figure("with a 10 kB image, of bare decode + features", ratio(mine, alone), "", 0.6),
    ]


def overloaded(wrk: Wrk, products: list[Product]) -> list[Figure]:
    """Return the figures of five times what can be done; of a hundred products a request, for the generator to keep up."""
    _, bodies = bodies_of(products)
    with started(ours()) as own:
        closed = wrk.rate(own, bodies, connections=4)
        capacity = max(ask(own.port, bodies[0], rate=share * closed, seconds=4).goodput for share in (0.8, 1.0, 1.2))
        rounds = [ask(own.port, bodies[0], rate=5 * capacity, seconds=5) for _ in range(ROUNDS)]
        over = sorted(rounds, key=lambda outcome: outcome.goodput)[len(rounds) // 2]
    other = sum(times for status, times in over.statuses.items() if status not in (200, 503))
    return [
        Figure("capacity, 100 products a request", capacity, "requests/s"),
        Figure("5 times capacity: goodput of peak", over.goodput / capacity, "", 0.8),
        Figure("5 times capacity: p99 of the admitted", over.quantile(0.99), "ms"),
        Figure("5 times capacity: answers but 200 and 503", other, "", 0, higher_is_better=False),
    ]


def after_a_million(wrk: Wrk, products: list[Product], folder: Path) -> list[Figure]:
    """Return the memory of a server after a million answers, half of the requests with one product."""
    one = [json.dumps({"title": product.title}).encode() for product in products[:200]]
    _, many = bodies_of(products)
    with started(ours(*kept_home(folder))) as own:
        seen: list[tuple[float, float]] = []
        answers = 0.0
        while answers < ANSWERS:
            answers += 5 * wrk.rate(own, one, connections=16, seconds=5)
            answers += 5 * MANY * wrk.rate(own, many, connections=4, seconds=5)
            seen.append((answers, own.resident_mb))
    half = next(resident for answered, resident in seen if answered >= ANSWERS / 2)
    return [
        Figure("answers", answers),
        Figure("resident memory after them", seen[-1][1], "MB", 350, higher_is_better=False),
        Figure("growth over the last half, of what it was", seen[-1][1] / half - 1, "", 0.02, higher_is_better=False),
    ]


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parts = parser.parse_args().parts.split(",")
    if shutil.which("wrk") is None:
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 2
    bundle = Bundle.load(bundle_folder())
    products = [product for product in titled_products()[-2_000:] if "]==]" not in (product.title or "")]
    figures: list[Figure] = []
    with TemporaryDirectory() as place:
        for part in parts:
            folder = Path(place, part)
            folder.mkdir()
            wrk = Wrk(folder, SECONDS)
            figures += {
                "one": lambda f=folder, w=wrk: one_a_request(w, products, f),
                "many": lambda w=wrk: many_a_request(w, products, bundle),
                "image": lambda w=wrk: with_images(w, products, bundle),
                "over": lambda w=wrk: overloaded(w, products),
                "memory": lambda f=folder, w=wrk: after_a_million(w, products, f),
            }[part]()
    return report("serving", figures, about={"load average": psutil.getloadavg()[0], "parts": parts})


if __name__ == "__main__":
    sys.exit(main())
