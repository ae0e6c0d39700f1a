"""`aisle demo`: the whole way on a made-up catalogue, from files to one answer over HTTP."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from aisle.cli.screen import progress, say, table
from aisle.errors import AisleError, PipelineError

_QUESTION = {
    "id": "demo-1",
    "title": "Lot de 2 coussins décoratifs en lin 45 x 45 cm",
    "description": "<p>Housse de coussin d&eacute;houssable, id&eacute;ale pour canap&eacute; ou lit.</p>",
}

_BUDGET = "20s"


def demo(
    # Of fewer rows the gold split would be too small for the gate to decide on.
    rows: Annotated[int, typer.Option(min=1_500, help="Training rows of the made-up catalogue.")] = 2_000,
    catalog: Annotated[Path | None, typer.Option(help="Your own catalogue's folder instead of a made-up one.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where everything goes.  [default: demo/ in AISLE_HOME]")] = None,
) -> None:
    """Show the whole way in a minute or two: files, ingest, snapshot, training, judgement, promotion, an answer.

    Everything goes into a folder of its own (`.aisle/demo`), on SQLite and local folders; delete it when you are done.
    """
    started = time.perf_counter()
    home = (home or Path(os.environ.get("AISLE_HOME", ".aisle")) / "demo").absolute()
    # The demo never touches a real system: whatever is configured here, it runs on its own embedded one.
    for name in [name for name in os.environ if name.startswith("AISLE_")]:
        del os.environ[name]
    os.environ["AISLE_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    os.chdir(home)
    folder = catalog.absolute() if catalog else _sample(home, rows)
    from aisle.cli.pipeline import run_with_progress, summarise

    # A made-up catalogue is taken whole, one's own by the default share.
    share = 1.0 if catalog is None else None
    results = run_with_progress({"folder": folder, "name": folder.name.lower(), "share": share, "budget": _BUDGET})
    summarise(results, next_steps=False)
    if results[-1].output["champion"] is None:
        raise PipelineError(
            "The model did not pass the gate, so there is no champion to ask.",
            hint="Give a catalogue with more labelled rows.",
        )
    with _server() as address:
        answer = _ask(address)
    best = answer["predictions"][0]
    table(
        f"POST {address}/v1/predictions  {escape(_QUESTION['title'])}",
        ("code", "category", "probability"),
        [(entry["code"], entry["name"], entry["probability"]) for entry in best["top"][:3]],
        numbers=("probability",),
    )
    seconds = time.perf_counter() - started
    say(f"Answered by version {answer['model']['version']} of the model. All of it took {seconds:.0f} s.")
    _how_to_go_on(home)


def _sample(home: Path, rows: int) -> Path:
    from aisle.catalog.sample import write_sample

    folder = home / f"sample-{rows}"
    if not (folder / "X_train_update.csv").is_file():
        with progress() as report:
            report("Draw a made-up catalogue.", 0, 0)
            write_sample(folder, rows=rows, seed=0)
    say(f"Catalogue: {escape(str(folder))} ({rows:,} made-up training rows with images)")
    return folder


@contextmanager
def _server() -> Iterator[str]:
    """Run `aisle serve --open` on a free port until the block ends; yields its address once it is ready."""
    command = [sys.executable, "-m", "aisle", "serve", "--open", "--port", "0"]
    log = Path("serve.log")
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as server:
        try:
            yield _ready_address(server, log)
        finally:
            server.terminate()
            server.wait(30)


def _ready_address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text(errors="replace")):
            address = found.group()
            try:
                if httpx.get(f"{address}/health/ready").is_success:
                    return address
            except httpx.TransportError:
                pass  # it listens in a moment
        time.sleep(0.05)
    raise PipelineError(f"The server did not become ready; its log is {log.absolute()}.", hint="Look at its last lines.")


def _ask(address: str) -> dict[str, Any]:
    try:
        answer = httpx.post(f"{address}/v1/predictions", json=_QUESTION, params={"top": 3}).raise_for_status()
    except httpx.HTTPError as error:
        raise AisleError(f"The server gave no answer: {error}.") from error
    content: dict[str, Any] = answer.json()
    return content


def _how_to_go_on(home: Path) -> None:
    say("")
    say("[bold]How to go on[/] with what the demo made:")
    say(f"  export AISLE_HOME={escape(str(home))}")
    say("  aisle serve --open                           answers over HTTP; http://127.0.0.1:8000/docs")
    say("  aisle predict --split test --out answers.csv classify the test rows")
    say("  aisle models list | history                  versions, promotions and their reasons")
    say("  aisle catalog stats | rejects | loads        what is in the catalogue, and what is not")
    say("With your own catalogue: aisle pipeline run FOLDER    (aisle catalog ingest --help)")
