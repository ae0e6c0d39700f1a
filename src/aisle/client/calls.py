"""The two clients: the same calls, one waits and the other is awaited."""

import functools
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec
from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from aisle.client.items import Answer, Categories, Category, Champion, Item, Prediction, StreamResult
from aisle.client.problems import ServerProblem, Unreachable, describe, read_problem
from aisle.client.window import Window

_T = TypeVar("_T")
_JSON = {"content-type": "application/json"}
_NDJSON = {"content-type": "application/x-ndjson"}
_STREAM = "/v1/predictions/stream"
_BATCH = 200
_WAIT = wait_exponential_jitter(multiplier=0.1, max=5.0)
_LONGEST_WAIT_S = 60.0
_KEY = "X-API-Key"


def _again(error: BaseException) -> bool:
    return isinstance(error, Unreachable) or (isinstance(error, ServerProblem) and error.retryable)


def _pause(state: RetryCallState) -> float:
    """Return the seconds until the next attempt: what the server asks for, else ever longer with some chance in it."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ServerProblem) and error.retry_after_s is not None:
        return min(error.retry_after_s, _LONGEST_WAIT_S)
    return float(_WAIT(state))


def _retrying(attempts: int) -> dict[str, Any]:
    return {"retry": retry_if_exception(_again), "wait": _pause, "stop": stop_after_attempt(attempts), "reraise": True}


def _batches(items: Sequence[Item], size: int) -> Iterator[bytes]:
    for start in range(0, len(items), size):
        batch = items[start : start + size]
        sent = [{**item.to_json(), "id": str(start + n) if item.id is None else item.id} for n, item in enumerate(batch)]
        yield msgspec.json.encode({"products": sent})


def _settings(base_url: str, api_key: str | None, timeout_s: float) -> dict[str, Any]:
    headers = {_KEY: api_key} if api_key else {}
    return {"base_url": base_url, "headers": headers, "timeout": timeout_s, "follow_redirects": False}


def _checked(response: httpx.Response) -> bytes:
    if response.is_success:
        return response.content
    raise read_problem(response.status_code, response.content, response.headers.get("retry-after"))


class Client:
    """A client that waits for its answers; one may be shared by threads.

    Every call may be repeated without harm, so one that gets no answer, or 408, 429 or 503, is repeated after a pause: what
    `Retry-After` asks for, else ever longer.

    Args:
        base_url: The server's address.
        api_key: Sent as `X-API-Key`.
        timeout_s: Seconds to wait for an answer.
        attempts: How often a call is tried at most.
        batch: Products sent in one request.
        transport: What carries requests; a socket by default.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        attempts: int = 4,
        batch: int = _BATCH,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(**_settings(base_url, api_key, timeout_s), transport=transport)
        self._attempts = attempts
        self._batch = batch

    def predict(self, items: Sequence[Item], *, top: int = 5) -> list[Prediction]:
        """Return one prediction per product, in their order, asked in batches.

        Args:
            items: The products.
            top: Categories told per product.

        Raises:
            ServerProblem: The server refused; with several batches, those before have been answered in vain.
            Unreachable: It did not answer.
        """
        return [prediction for answer in self.answers(items, top=top) for prediction in answer.predictions]

    def answers(self, items: Sequence[Item], *, top: int = 5) -> Iterator[Answer]:
        """Yield the answer to each batch, which names the model; otherwise as `predict`."""
        for body in _batches(items, self._batch):
            yield self._call("POST", "/v1/predictions", Answer, content=body, headers=_JSON, params={"top": top})

    def stream(self, items: Iterable[Item], *, top: int = 5) -> Iterator[StreamResult]:
        """Yield an answer for each product of any number, in their order; what is wrong is told in its place.

        Products are taken as they are needed, and sent in pieces that can be repeated like any other call.

        Args:
            items: The products, perhaps without end.
            top: Categories told per product.

        Raises:
            ServerProblem: The server refused the stream as a whole.
            Unreachable: It did not answer.
        """
        window = Window()
        for item in items:
            if window.add(item):
                yield from self._streamed(window, top)
        yield from self._streamed(window, top)

    def _streamed(self, window: Window, top: int) -> list[StreamResult]:
        body = window.take()
        details = {"content": body, "headers": _NDJSON, "params": {"top": top}}
        once = functools.partial(self._once, "POST", _STREAM, details)
        return window.read(Retrying(**_retrying(self._attempts))(once)) if body else []

    def explain(self, item: Item, *, code: str | None = None, terms: int = 10) -> dict[str, Any]:
        """Return what spoke for a category and against it, as `POST /v1/explanations` tells it; errors as in `predict`."""
        return self._call("POST", "/v1/explanations", dict[str, Any], content=_asked(item, code, terms), headers=_JSON)

    def categories(self) -> tuple[Category, ...]:
        """Return every category that the model in service can answer; errors as in `predict`."""
        return self._call("GET", "/v1/categories", Categories).categories

    def champion(self) -> Champion:
        """Return which model is in service; errors as in `predict`."""
        return self._call("GET", "/v1/models/champion", Champion)

    def ready(self) -> bool:
        """Return whether the server may be sent requests; one that cannot be reached may not."""
        try:
            return self._http.get("/health/ready").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _call(self, method: str, path: str, kind: type[_T], **details: Any) -> _T:
        once = functools.partial(self._once, method, path, details)
        return msgspec.json.decode(Retrying(**_retrying(self._attempts))(once), type=kind)

    def _once(self, method: str, path: str, details: Mapping[str, Any]) -> bytes:
        try:
            return _checked(self._http.request(method, path, **details))
        except httpx.TransportError as error:
            raise describe(error, str(self._http.base_url)) from error


class AsyncClient:
    """A client that is awaited; otherwise as `Client`."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        attempts: int = 4,
        batch: int = _BATCH,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**_settings(base_url, api_key, timeout_s), transport=transport)
        self._attempts = attempts
        self._batch = batch

    async def predict(self, items: Sequence[Item], *, top: int = 5) -> list[Prediction]:
        """Return one prediction per product; as `Client.predict`."""
        return [prediction async for answer in self.answers(items, top=top) for prediction in answer.predictions]

    async def answers(self, items: Sequence[Item], *, top: int = 5) -> AsyncIterator[Answer]:
        """Yield the answer to each batch; as `Client.answers`."""
        for body in _batches(items, self._batch):
            yield await self._call("POST", "/v1/predictions", Answer, content=body, headers=_JSON, params={"top": top})

    async def stream(self, items: AsyncIterable[Item] | Iterable[Item], *, top: int = 5) -> AsyncIterator[StreamResult]:
        """Yield an answer for each product of any number; as `Client.stream`."""
        window = Window()
        async for item in _each(items):
            if window.add(item):
                for result in await self._streamed(window, top):
                    yield result
        for result in await self._streamed(window, top):
            yield result

    async def _streamed(self, window: Window, top: int) -> list[StreamResult]:
        body = window.take()
        details = {"content": body, "headers": _NDJSON, "params": {"top": top}}
        once = functools.partial(self._once, "POST", _STREAM, details)
        return window.read(await AsyncRetrying(**_retrying(self._attempts))(once)) if body else []

    async def explain(self, item: Item, *, code: str | None = None, terms: int = 10) -> dict[str, Any]:
        """Return what spoke for a category and against it; as `Client.explain`."""
        asked = _asked(item, code, terms)
        return await self._call("POST", "/v1/explanations", dict[str, Any], content=asked, headers=_JSON)

    async def categories(self) -> tuple[Category, ...]:
        """Return every category; as `Client.categories`."""
        return (await self._call("GET", "/v1/categories", Categories)).categories

    async def champion(self) -> Champion:
        """Return which model is in service; as `Client.champion`."""
        return await self._call("GET", "/v1/models/champion", Champion)

    async def ready(self) -> bool:
        """Return whether the server may be sent requests; as `Client.ready`."""
        try:
            return (await self._http.get("/health/ready")).is_success
        except httpx.TransportError:
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(self, method: str, path: str, kind: type[_T], **details: Any) -> _T:
        once = functools.partial(self._once, method, path, details)
        return msgspec.json.decode(await AsyncRetrying(**_retrying(self._attempts))(once), type=kind)

    async def _once(self, method: str, path: str, details: Mapping[str, Any]) -> bytes:
        try:
            return _checked(await self._http.request(method, path, **details))
        except httpx.TransportError as error:
            raise describe(error, str(self._http.base_url)) from error


def _asked(item: Item, code: str | None, terms: int) -> bytes:
    return msgspec.json.encode({"product": item.to_json(), "terms": terms, **({"code": code} if code else {})})


async def _each(items: AsyncIterable[Item] | Iterable[Item]) -> AsyncIterator[Item]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
        return
    for item in items:
        yield item
