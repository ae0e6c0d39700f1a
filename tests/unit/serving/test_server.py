import asyncio
import logging
import os
import signal
import threading

import pytest
import structlog
import uvicorn

from aisle.errors import ServingError, SettingsError
from aisle.serving import server
from aisle.serving.server import DrainingServer, listen, make_server, run
from aisle.settings import Serving
from tests.unit.serving.fakes import FakeChampions, eventually, make_app


async def nothing(scope: object, receive: object, send: object) -> None:
    """An application that is never asked."""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_port_zero_takes_a_free_one(host: str) -> None:
    with listen(host, 0) as listener:
        assert listener.getsockname()[1] > 0


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServingError, match=f"http://127.0.0.1:{port}: Address already in use") as caught:
            listen("127.0.0.1", port)
    assert "AISLE_SERVING_PORT" in caught.value.hint


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(ServingError, match="Cannot listen on"):
        listen(host, 0)


def test_the_first_signal_drains_the_second_stops_and_the_third_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    drained: list[bool] = []
    stopping = DrainingServer(uvicorn.Config(nothing), drain_s=60, drain=lambda: drained.append(True))
    stopping.handle_exit(signal.SIGTERM, None)
    assert (drained, stopping.should_exit) == ([True], False)
    stopping.handle_exit(signal.SIGTERM, None)
    assert (drained, stopping.should_exit, stopping.force_exit) == ([True], True, False)
    stopping.handle_exit(signal.SIGINT, None)
    assert stopping.force_exit


@pytest.mark.parametrize(("drain_s", "stops"), [(0.0, True), (60.0, False)])
def test_listening_ends_when_the_draining_is_over(drain_s: float, stops: bool) -> None:
    stopping = DrainingServer(uvicorn.Config(nothing), drain_s=drain_s, drain=lambda: None)
    assert asyncio.run(stopping.on_tick(1)) is False
    stopping.handle_exit(signal.SIGTERM, None)
    assert asyncio.run(stopping.on_tick(2)) is stops


def test_the_settings_reach_the_server(champions: FakeChampions) -> None:
    app = make_app(champions)
    made = make_server(app, Serving(stop_s=7.2))
    assert made.config.timeout_graceful_shutdown == 8
    assert made.config.access_log is False
    made.handle_exit(signal.SIGTERM, None)
    assert app.state.service.draining


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
def test_it_says_where_it_serves_and_warns_beyond_this_machine(champions: FakeChampions, host: str, warned: bool) -> None:
    app = make_app(champions, open=not warned)
    with structlog.testing.capture_logs() as logs:

        def stop() -> None:
            # Not before it serves: until then the signal would be this process's own.
            eventually(lambda: any(log["event"] == "serving" for log in logs))
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=stop).start()
        run(app, Serving(host=host, port=0, drain_s=0))
    events = [log["event"] for log in logs]
    assert any(event.startswith("listening beyond this machine without TLS") for event in events) is warned
    (url,) = [log["url"] for log in logs if log["event"] == "serving"]
    assert url.startswith("http://0.0.0.0:" if warned else "http://127.0.0.1:")
    assert not url.endswith(":0")
    assert events[-1] == "stopped"


def test_an_open_server_listens_to_this_machine_only(champions: FakeChampions) -> None:
    with pytest.raises(SettingsError, match="answers without keys"):
        run(make_app(champions), Serving(host="0.0.0.0", port=0, open=True))


def test_uvicorns_warnings_join_our_log_while_it_runs() -> None:
    logger = logging.getLogger("uvicorn.error")
    with structlog.testing.capture_logs() as logs, server._logged("uvicorn.error"):
        logger.warning("Invalid HTTP request received.")
        threading.Thread(target=logger.info, args=("chatter",)).start()
    assert [(log["event"], log["log_level"]) for log in logs] == [("Invalid HTTP request received.", "warning")]
    assert logger.handlers == []
    assert logger.propagate
