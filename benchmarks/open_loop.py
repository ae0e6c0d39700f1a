"""A load generator that asks at a fixed rate whatever the answers do, so that a slow answer delays no later question.

A closed loop waits for the answer before it asks again: the moments at which a server stalls are then hardly asked in, and
its latencies look better than any client saw them (coordinated omission). Here a latency counts from when a request was due.
"""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast

import httptools
import numpy as np
import uvloop

_CONNECTIONS = 256


@dataclass
class Outcome:
    """What came of it.

    Args:
        seconds: From the first request that was due to the last answer.
        statuses: How many answers had each status; 0 for none within the time.
        latencies: Seconds from when a request was due to its whole answer, of those answered 200.
        retry_after: How many answers carried Retry-After.
    """

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    retry_after: int = 0

    def quantile(self, q: float) -> float:
        """Return a quantile of the good answers' latencies in milliseconds."""
        return float(np.quantile(self.latencies, q)) * 1000 if self.latencies else float("inf")

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return self.statuses[200] / self.seconds if self.seconds else 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._due = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, due: float, request: bytes) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, _: bytes) -> None:
        if name.lower() == b"retry-after":
            self._load.outcome.retry_after += 1

    def on_message_complete(self) -> None:
        status, due = self._parser.get_status_code(), self._due
        self._parser = httptools.HttpResponseParser(self)
        self._load.answered(self, status, due)


class _Load:
    def __init__(self, request: bytes, rate: float, seconds: float) -> None:
        self.outcome = Outcome()
        self._request, self._rate = request, rate
        self._total = int(rate * seconds)
        self._free: deque[_Connection] = deque()
        self._late: deque[float] = deque()
        self._done = asyncio.Event()
        self._open = 0

    def answered(self, connection: _Connection, status: int, due: float) -> None:
        now = time.perf_counter()
        self.outcome.statuses[status] += 1
        if status == 200:
            self.outcome.latencies.append(now - due)
        self._open -= 1
        self._next(connection)
        if self._open == 0:
            self._done.set()

    def _next(self, connection: _Connection) -> None:
        if self._late:
            connection.send(self._late.popleft(), self._request)
        else:
            self._free.append(connection)

    async def run(self, host: str, port: int) -> Outcome:
        loop = asyncio.get_running_loop()
        for _ in range(_CONNECTIONS):
            _, made = await loop.create_connection(lambda: _Connection(self), host, port)
            self._free.append(made)
        started = time.perf_counter()
        for number in range(self._total):
            due = started + number / self._rate
            if (wait := due - time.perf_counter()) > 0.0005:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)
            self._open += 1
            self._done.clear()
            if self._free:
                self._free.popleft().send(due, self._request)
            else:
                self._late.append(due)
        try:
            await asyncio.wait_for(self._done.wait(), 20)
        except TimeoutError:
            self.outcome.statuses[0] += self._open
        self.outcome.seconds = time.perf_counter() - started
        return self.outcome


def ask(port: int, body: bytes, *, rate: float, seconds: float, path: str = "/v1/predictions") -> Outcome:
    """Ask a server on loopback at a rate for some seconds, and return what came of it.

    Args:
        port: Its port.
        body: The JSON to post.
        rate: Requests a second.
        seconds: For how long.
        path: Where to.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return uvloop.run(_Load(head.encode() + body, rate, seconds).run("127.0.0.1", port))
