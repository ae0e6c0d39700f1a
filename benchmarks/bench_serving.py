"""How fast the server answers, beside an empty endpoint, a plain scikit-learn service and the same work in one process.

python -m benchmarks.bench_serving

Everything is on loopback and takes turns, so that a busy machine troubles all alike; the ratios are what counts.
"""

import base64
import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import psutil

from aisle.catalog.product import Product
from aisle.models.bundle import Bundle
from benchmarks.open_loop import ask
from benchmarks.reporting import ROOT, Figure, report
from benchmarks.serving_models import bundle_folder, picture, titled_products

ROUNDS = 3
SECONDS = 2
MANY = 100


@dataclass(frozen=True)
class Server:
    """A server of `benchmarks.serving_peers`: its port, its process, and how long it took to be ready."""

    port: int
    process: psutil.Process
    ready_s: float


@contextlib.contextmanager
def started(which: str) -> Iterator[Server]:
    """Start one of the peers, and wait until it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    begin = time.perf_counter()
    peer = ["serving_ours", str(bundle_folder())] if which == "ours" else ["serving_peers", which]
    command = [sys.executable, "-m", f"benchmarks.{peer[0]}", peer[1], str(port)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            path = "/health/ready" if which == "ours" else "/openapi.json"
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 200:
                        break
                assert process.poll() is None, f"{which} did not start"
                assert time.perf_counter() - begin < 120, f"{which} is not ready"
                time.sleep(0.02)
            yield Server(port, psutil.Process(process.pid), time.perf_counter() - begin)
        finally:
            process.terminate()


class Wrk:
    """The load generator wrk, with scripts in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rate(self, server: Server, bodies: list[bytes], *, connections: int) -> float:
        """Return the good answers a second to bodies that take turns.

        Raises:
            RuntimeError: Some answers were not 2xx.
        """
        script = self._folder / "load.lua"
        spelled = ",".join(f"[==[{body.decode()}]==]" for body in bodies)
        script.write_text(
            f"local bodies = {{{spelled}}}\nlocal n = 0\n"
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            "request = function()\n  n = n % #bodies + 1\n  return wrk.format(nil, nil, nil, bodies[n])\nend\n"
        )
        address = f"http://127.0.0.1:{server.port}/v1/predictions"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--timeout", "10", "-s", str(script), address]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in told or "Socket errors" in told:
            raise RuntimeError(told)
        found = re.search(r"Requests/sec:\s+([0-9.]+)", told)
        assert found is not None, told
        return float(found[1])


def turns(*works: Callable[[], float]) -> list[list[float]]:
    """Return the rates of works that take turns, one list for each."""
    rates: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for position, work in enumerate(works):
            rates[position].append(work())
    return rates


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median ratio of turns that were side by side."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def in_process(work: Callable[[int], int]) -> float:
    """Return items a second of work in this process, which takes a turn's number and returns how many it did."""
    begin, done, turn = time.perf_counter(), 0, 0
    while (passed := time.perf_counter() - begin) < SECONDS / 2:
        done += work(turn)
        turn += 1
    return done / passed


def body(products: list[Product]) -> bytes:
    """Return a request's body."""
    return json.dumps({"products": [{"title": product.title} for product in products]}).encode()


def main() -> int:
    """Run the benchmark and return the exit status."""
    if shutil.which("wrk") is None:
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 2
    bundle = Bundle.load(bundle_folder())
    products = [product for product in titled_products()[-2_000:] if "]==]" not in (product.title or "")]
    one = [json.dumps({"title": product.title}).encode() for product in products[:200]]
    many = [products[start : start + MANY] for start in range(0, 1_000, MANY)]
    shown = [picture(n % 27, 50_000 + n) for n in range(100)]
    pictured = [
        json.dumps({"title": product.title, "image": base64.b64encode(image).decode()}).encode()
        for product, image in zip(products, shown, strict=False)
    ]
    looks = bundle._predictor.model.image
    assert looks is not None

    def predicted(turn: int) -> int:
        return len(bundle.predict(many[turn % len(many)]))

    def looked(turn: int) -> int:
        return len(looks.rows([shown[turn % len(shown)]]).values)

    bundle.predict([replace(products[0], image=shown[0])])
    with TemporaryDirectory() as folder, started("empty") as empty, started("plain") as plain, started("ours") as ours:
        wrk = Wrk(Path(folder))
        for server in (empty, plain, ours):
            wrk.rate(server, one, connections=16)
        ours_one, empty_one, plain_one = turns(
            lambda: wrk.rate(ours, one, connections=16),
            lambda: wrk.rate(empty, one, connections=16),
            lambda: wrk.rate(plain, one, connections=16),
        )
        peak = median(ours_one)
        half = [ask(ours.port, one[0], rate=peak / 2, seconds=4) for _ in range(3)]
        calm = min(half, key=lambda outcome: outcome.quantile(0.99))
        bodies = [body(block) for block in many]
        ours_many, alone_many = turns(lambda: MANY * wrk.rate(ours, bodies, connections=4), lambda: in_process(predicted))
        ours_image, alone_image = turns(lambda: wrk.rate(ours, pictured, connections=4), lambda: in_process(looked))
        # Fivefold of what it can do: with a hundred products a request, or the generator could not keep up.
        capacity = max(ask(ours.port, bodies[0], rate=rate, seconds=3).goodput for rate in (median(ours_many) / MANY, 400))
        over = ask(ours.port, bodies[0], rate=5 * capacity, seconds=5)
        rss = ours.process.memory_info().rss / 1e6
    other = sum(times for status, times in over.statuses.items() if status not in (200, 503))
    figures = [
        Figure("one product, 16 connections", peak, "requests/s"),
        Figure("one product, of an empty endpoint", ratio(ours_one, empty_one), "", 0.6),
        Figure("one product, times plain FastAPI + scikit-learn", ratio(ours_one, plain_one), "", 4),
        Figure("half of peak, open loop: median", calm.quantile(0.5), "ms"),
        Figure("half of peak, open loop: p99", calm.quantile(0.99), "ms", 10, higher_is_better=False),
        Figure("100 products a request", median(ours_many), "products/s"),
        Figure("100 products, of in-process predict", ratio(ours_many, alone_many), "", 0.5),
        Figure("with a 10 kB image", median(ours_image), "requests/s"),
        Figure("with a 10 kB image, of bare decode + features", ratio(ours_image, alone_image), "", 0.6),
        Figure("5 times capacity: goodput of peak", over.goodput / capacity, "", 0.8),
        Figure("5 times capacity: p99 of the admitted", over.quantile(0.99), "ms"),
        Figure(
            "5 times capacity: answers but 200 and 503",
            other,
            "",
            0,
            higher_is_better=False,
        ),
        Figure("ready", ours.ready_s, "s", 3, higher_is_better=False),
        Figure("resident memory", rss, "MB", 350, higher_is_better=False),
    ]
    about = {"load average": psutil.getloadavg()[0], "statuses at 5 times": dict(over.statuses), "ready": ours.ready_s}
    return report("serving", figures, about=about)


if __name__ == "__main__":
    sys.exit(main())
