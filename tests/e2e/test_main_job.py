"""The main job from end to end, as processes: files in, a champion that answers the same by every way out."""

import json
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from aisle.catalog.product import Product
from aisle.catalog.sample import write_sample
from aisle.models.bundle import Bundle
from aisle.models.prediction import Prediction
from aisle.pipeline.context import Context
from aisle.pipeline.messages import EvaluateInput
from aisle.pipeline.steps import evaluate
from tests.command_line import CommandLine, logging_as_it_was
from tests.conftest import s3_objects
from tests.e2e.programs import Served, Shell
from tests.servers.mlflow_server import MlflowServer
from tests.servers.rados_gateway import RadosGateway
from tests.trained import QUICK, copy_of_trained_home, opened
from tests.unit.serving.fakes import eventually

pytestmark = pytest.mark.slow

ASKED = [
    {"id": "a", "title": "Coussin décoratif en lin", "description": "<p>Housse d&eacute;houssable</p>", "brand": "Linea"},
    {"id": "b", "title": "Console de jeux portable", "description": None, "brand": None},
    {"id": "c", "title": None, "description": "Piscine ronde hors sol avec pompe", "brand": None},
    {"id": "d", "title": "Harry Potter et la coupe de feu, tome 4", "description": "Livre d'occasion", "brand": None},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up catalogue with images."""
    folder = tmp_path_factory.mktemp("files") / "shop"
    write_sample(folder, rows=1_500, seed=1)
    return folder


@pytest.fixture(scope="module")
def first(files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    """A shell on an embedded home in which the main job was run once, and what that printed."""
    shell = Shell(tmp_path_factory.mktemp("embedded"))
    return shell, shell("pipeline", "run", files, "--share", 1)


@pytest.fixture(scope="module")
def shell(first: tuple[Shell, str]) -> Shell:
    return first[0]


@pytest.fixture
def aisle(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line in this process, in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    with logging_as_it_was():
        yield CommandLine(capsys, monkeypatch)


@contextmanager
def live(shell: Shell) -> Iterator[Context]:
    with opened(shell.folder / ".aisle", **shell.variables) as application:
        yield application.context()


def bundle_of(context: Context, version: int) -> Bundle:
    return context.bundle(context.ledger.model(version).bundle)


def expected(shell: Shell, version: int) -> list[Prediction]:
    """Return what the version's bundle itself says."""
    with live(shell) as context:
        return bundle_of(context, version).predict([Product(**row) for row in ASKED], top=3)


def assert_served(served: Served, answers: list[Prediction], version: int) -> None:
    told = served.client.post("/v1/predictions", json={"products": ASKED}, params={"top": 3}).raise_for_status().json()
    assert told["model"]["version"] == version
    assert [
        (p["id"], p["code"], p["name"], p["confidence"], [(c["code"], c["probability"]) for c in p["top"]])
        for p in told["predictions"]
    ] == [(p.id, p.code, p.name, p.confidence, [(c.code, c.probability) for c in p.top]) for p in answers]


def test_the_first_run_ends_with_a_champion_and_how_to_go_on(first: tuple[Shell, str]):
    shell, told = first
    for words in (
        "│ ingest │",
        "│ shop: 1,744 products, ",
        "│ train │",
        "│ passed against no champion │",
        "│ register │",
        "│ version 1 │",
        "│ champion is version 1 │",
        "There is no champion, and the challenger beats the commonest category",
        "Next: aisle serve --open",
    ):
        assert words in told
    # Everything lies in the home.
    assert {path.name for path in shell.folder.iterdir()} <= {".aisle", "serve.log"}


def test_the_second_run_is_on_record(shell: Shell, files: Path):
    told = shell("pipeline", "run", files, "--share", 1)
    assert told.count("on record") == 2
    assert "│ train │ on record │" in told
    assert "│ register │ on record │ version 1 │" in told
    assert "│ is version 1, the champion │" in told
    with live(shell) as context:
        assert len(context.ledger.history()) == 1
        assert len(context.ledger.models()) == 1


def test_a_file_is_answered_as_the_bundle_answers(shell: Shell):
    (shell.folder / "in.jsonl").write_bytes(b"\n".join(map(orjson.dumps, ASKED)))
    try:
        shell("predict", "in.jsonl", "--top", 3, "--out", "out.parquet")
        rows = pl.read_parquet(shell.folder / "out.parquet").to_dicts()
    finally:
        for name in ("in.jsonl", "out.parquet"):
            (shell.folder / name).unlink(missing_ok=True)
    for row, answer in zip(rows, expected(shell, 1), strict=True):
        assert (row["id"], row["code"], row["name"], row["code_3"]) == (
            answer.id,
            answer.code,
            answer.name,
            answer.top[2].code,
        )
        assert row["confidence"] == pytest.approx(answer.confidence, abs=1e-6)


def test_mlflow_answers_as_the_bundle_answers(shell: Shell):
    program = (
        "import json, sys, mlflow, pandas\n"
        f"mlflow.set_tracking_uri('sqlite:///{shell.folder}/.aisle/mlflow.db')\n"
        "model = mlflow.pyfunc.load_model('models:/aisle@champion')\n"
        "print(model.predict(pandas.DataFrame(json.load(sys.stdin))).to_json(orient='records', double_precision=15))\n"
    )
    done = shell.run("-W", "ignore", "-c", program, given=json.dumps(ASKED))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for row, answer in zip(told, expected(shell, 1), strict=True):
        assert (row["code"], row["name"]) == (answer.code, answer.name)
        assert row["confidence"] == pytest.approx(answer.confidence, abs=1e-12)


@pytest.fixture
def two(tmp_path: Path) -> Shell:
    """A shell on a home of its own with two versions, of which the first is champion."""
    copy_of_trained_home(tmp_path / ".aisle")
    return Shell(tmp_path)


def test_the_server_answers_the_same_and_follows_promotions_without_a_restart(two: Shell):
    with live(two) as context, two.serving("aisle", "serve", "--port", "0") as served:
        eventually(lambda: served.version() == 1, within_s=20)
        assert_served(served, expected(two, 1), 1)
        assert served.client.get("/health/ready").json()["model"]["version"] == 1
        context.ledger.promote(2, actor="ana", reason="It is surer of itself.", evidence={}, expected=1)
        eventually(lambda: served.version() == 2, within_s=20)
        assert_served(served, expected(two, 2), 2)
        assert [p.confidence for p in expected(two, 1)] != [p.confidence for p in expected(two, 2)]
        context.ledger.rollback(actor="ana", reason="Too sure.")
        eventually(lambda: served.version() == 1, within_s=20)
        assert_served(served, expected(two, 1), 1)
        assert "aisle_model_swaps_total" in served.client.get("/metrics").text
    assert "stopped" in served.log.read_text()


def test_uvicorn_serves_the_factory(two: Shell):
    command = ("uvicorn", "aisle.serving.app:create_app", "--factory", "--port", "0")
    # uvicorn passes the signal on to itself when it is done.
    with two.serving(*command, ends=-signal.SIGTERM) as served:
        eventually(lambda: served.version() == 1, within_s=20)
        assert_served(served, expected(two, 1), 1)


def test_a_second_catalogue_makes_a_challenger_that_is_judged_on_the_champions_rows_too(two: Shell, aisle: CommandLine):
    write_sample(two.folder / "second", rows=600, seed=2, images=False)
    told = aisle.ok("pipeline", "run", two.folder / "second", "--share", 1).text
    with live(two) as context:
        champion, (first, _, third) = context.ledger.champion(), context.ledger.models()
        judged = evaluate(context, EvaluateInput(bundle=third.bundle, snapshot=third.snapshot))
    assert "against version 1" in told
    assert third.snapshot != first.snapshot
    # More catalogues, more gold rows; all of the first's are among them.
    assert third.metrics["rows_gold"] > first.metrics["rows_gold"]
    assert champion is not None
    assert f"champion is version {champion.version}" in told
    if champion.version == 1:
        assert (judged.promote, judged.champion, judged.evidence["against"]) == (False, 1, "champion")
        assert judged.evidence["rows"] == third.metrics["rows_gold"]
    else:
        assert (champion.version, champion.previous, judged.in_force) == (3, 1, True)
        assert champion.evidence["rows"] == third.metrics["rows_gold"]


def _step(aisle: CommandLine, name: str, **given: Any) -> dict[str, Any]:
    """Run a step as an orchestrator does: JSON in, and on standard output one line of JSON and nothing else."""
    ended = aisle.ok("pipeline", "step", name, "-", given=orjson.dumps(given).decode())
    assert ended.out.count("\n") == 1, ended.out
    output: dict[str, Any] = orjson.loads(ended.out)
    return output


@pytest.mark.servers
def test_on_real_servers_everything_has_the_same_digest(
    shell: Shell,
    files: Path,
    aisle: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgres_url: str,
    rgw: RadosGateway,
    mlflow_server: MlflowServer,
):
    name = f"test-{secrets.token_hex(6)}"
    variables = {
        "AISLE_DATABASE_URL": postgres_url,
        "AISLE_OBJECTS_URL": rgw.url,
        "AISLE_OBJECTS_ACCESS_KEY": rgw.access_key,
        "AISLE_OBJECTS_SECRET_KEY": rgw.secret_key,
        "AISLE_OBJECTS_IMAGE_BUCKET": f"{name}-images",
        "AISLE_OBJECTS_ARTIFACT_BUCKET": name,
        "AISLE_TRACKING_URL": mlflow_server.url,
        "AISLE_TRACKING_EXPERIMENT": name,
        "AISLE_TRACKING_MODEL": name,
    }
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    # As the processes of the embedded run had it.
    monkeypatch.setattr("aisle.bootstrap.git_commit", lambda: "unknown")
    aisle.ok("database", "migrate")
    aisle.ok("objects", "create")
    taken = _step(aisle, "ingest", folder=str(files), share=1)
    data = _step(aisle, "snapshot", sources=[taken["source"]])
    made = _step(aisle, "train", snapshot=data["snapshot"])
    judged = _step(aisle, "evaluate", bundle=made["bundle"], snapshot=data["snapshot"])
    known = _step(aisle, "register", bundle=made["bundle"], snapshot=data["snapshot"])
    carried = {field: judged[field] for field in ("promote", "reasons", "evidence", "followed")}
    assert _step(aisle, "promote", version=known["version"], **carried)["champion"] == known["version"] == 1
    store = s3_objects(rgw)
    with live(shell) as context:
        model = context.ledger.model(1)
        assert (data["snapshot"], made["bundle"]) == (model.snapshot, model.bundle)
        # What the store keeps is the same too, byte for byte.
        keys = sorted(context.images.keys())
        assert sorted(store.bucket(f"{name}-images").keys()) == keys
        assert store.bucket(f"{name}-images").get(keys[0]) == context.images.get(keys[0])
        for key in context.artifacts.keys(f"bundles/{model.bundle}"):
            assert store.bucket(name).get(key) == context.artifacts.get(key)
    with Shell(tmp_path, variables).serving("aisle", "serve", "--port", "0") as served:
        eventually(lambda: served.version() == 1, within_s=20)
        assert_served(served, expected(shell, 1), 1)


class TestRealCatalogues:
    """What users of the challenge and of another shop see with their own files."""

    def test_the_challenges_files_come_in_by_the_share_and_make_a_submission(self, shared_data: Path, tmp_path: Path):
        shell = Shell(tmp_path)
        folder = shared_data / "rakuten-14k"
        told = shell("catalog", "ingest", folder)
        assert "│ train │ 2,210 │ 2,210 │" in told
        assert "│ test │ 552 │ 552 │" in told
        told = shell("pipeline", "run", folder, "--share", 1)
        assert "rakuten-14k: 13,812 products, 13,812 images" in told
        assert "champion is version 1" in told
        shell("predict", "--split", "test", "--out", "submission.csv")
        lines = (tmp_path / "submission.csv").read_text().splitlines()
        rows = pl.read_csv(folder / "X_test_update.csv", infer_schema=False)
        assert len(lines) - 1 == rows.height == 2_762
        assert lines[0] == ",prdtypecode"
        assert [line.split(",")[0] for line in lines[1:]] == rows.to_series(0).to_list()
        assert "13,812 products, 11,050 labelled" in shell("catalog", "stats")

    def test_raw_rows_come_in_with_what_the_challenge_is_known_for(self, shared_data: Path, aisle: CommandLine):
        told = aisle.ok("catalog", "ingest", shared_data / "rakuten-raw", "--share", 1).text
        assert "│ train │ 9,579 │ 576 │" in told
        assert "Every row of the source has been taken." in told
        assert "│ rakuten-raw │ image │ missing │ 9,003 │" in aisle.ok("catalog", "rejects").text
        told = aisle.ok("catalog", "stats").text
        assert "9,579 products, 9,579 labelled" in told
        assert "│ fr │" in told

    def test_another_shops_catalogue_comes_in_by_its_mapping(self, shared_data: Path, aisle: CommandLine):
        folder, mapping = (
            shared_data / "cdiscount-50k",
            Path(__file__).parents[2] / "examples" / "cdiscount" / "catalog.toml",
        )
        arguments = ("--mapping", mapping, "--name", "cdiscount", "--share", 1)
        told = aisle.ok("catalog", "ingest", folder, *arguments).text
        assert "Catalogue cdiscount" in told
        assert "│ train │ 50,000 │ 0 │" in told
        rows = pl.read_csv(folder / "products.csv", infer_schema=False)
        classes = rows.select("Categorie1", "Categorie2", "Categorie3").n_unique()
        told = aisle.ok("catalog", "stats").text
        assert "50,000 products, 50,000 labelled" in told
        assert f"… and {classes - 40:,} rarer classes" in told
