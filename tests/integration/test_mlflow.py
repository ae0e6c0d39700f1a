"""What a user of MLflow gets: `models:/NAME@champion` answers exactly as the bundle does, before and after a rollback."""

import io
import json
import pickle
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.models.bundle import Bundle, write_bundle
from aisle.registry.ledger import Ledger
from aisle.registry.mlflow import Tracking
from aisle.registry.mlflow.package import example
from aisle.settings import Tracking as Settings
from aisle.storage.database import Database
from tests.unit.models.examples import WORDS, fitted, parts

ASKED = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d", "e", "f"],
        "title": ["Pompe de piscine", "Le tome 2 du roman", None, "", "Poupée <b>enfant</b> n° 3", "D'Artagnan 漫画 🎮"],
        "description": [None, "édition de poche", "Une peluche", None, "x" * 5_000, "l&#39;été"],
        "brand": ["Bestway", None, None, None, "Corolle", None],
    }
)


def make_bundle(folder: Path, rows: int) -> Path:
    """Train a tiny classifier on so many products and write it as a bundle."""
    write_bundle(folder, parts(model=fitted(rows)))
    return folder


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bundles that answer a little differently."""
    return [make_bundle(tmp_path_factory.mktemp("bundles") / "bundle", rows) for rows in (90, 150)]


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.servers)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    name = f"test-{secrets.token_hex(6)}"
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'mlflow.db'}" if sqlite else request.getfixturevalue("mlflow_server").url
    return Settings(url=url, experiment=name, model=name)


@pytest.fixture
def tracking(settings: Settings) -> Tracking:
    return Tracking(settings)


@pytest.fixture
def mlflow(tracking: Tracking, settings: Settings) -> Iterator[Any]:
    """MLflow as its users have it: one process-wide address."""
    module = tracking._session.mlflow
    with tracking._session.client("look around") as client:
        client.search_experiments()
    module.set_tracking_uri(settings.url)
    yield module
    module.set_tracking_uri(None)


@pytest.fixture(scope="module")
def audited() -> list[str]:
    """What this process unpickles from now on; an audit hook cannot be taken back."""
    names: list[str] = []

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class":
            names.append(".".join(arguments))

    sys.addaudithook(hear)
    return names


@pytest.fixture
def unpickled(audited: list[str]) -> list[str]:
    audited.clear()
    return audited


def products(frame: pd.DataFrame) -> list[Product]:
    return [
        Product(**{name: None if pd.isna(value) else value for name, value in row.items()})
        for row in frame.to_dict("records")
    ]


def answers(folder: Path) -> pd.DataFrame:
    """Return what the bundle itself says."""
    predictions = Bundle.load(folder).predict(products(ASKED))
    return pd.DataFrame({name: [getattr(p, name) for p in predictions] for name in ("code", "name", "confidence")})


def test_the_champion_answers_as_its_bundle_does(
    tracking: Tracking, settings: Settings, mlflow: Any, bundles: list[Path]
) -> None:
    tracking.project_champion(tracking.publish(bundles[0], snapshot="5" * 64, commit="abc").version)
    model = mlflow.pyfunc.load_model(f"models:/{settings.model}@champion")
    expected = answers(bundles[0])
    assert len(set(expected["code"])) == 3, "the case is made so that every category is answered"
    pd.testing.assert_frame_equal(model.predict(ASKED), expected, check_exact=True, check_dtype=False)
    titles = model.predict(ASKED[["title"]])
    assert titles["code"].tolist() == [p.code for p in Bundle.load(bundles[0]).predict(products(ASKED[["id", "title"]]))]
    assert model.predict(example())["code"].isin(list(WORDS)).all()
    assert [column.name for column in model.metadata.signature.inputs] == ["id", "title", "description", "brand", "image"]


def test_a_rollback_brings_the_very_same_answers_back(
    tracking: Tracking, settings: Settings, mlflow: Any, bundles: list[Path], tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'aisle.db'}")
    database.migrate()
    ledger = Ledger(database)
    seen = []
    for number, folder in enumerate(bundles):
        published = tracking.publish(folder, snapshot="5" * 64, commit="abc")
        ledger.add_model(published.version, Bundle.load(folder).digest, "5" * 64, published.run_id, {})
        ledger.promote(published.version, actor="a", reason="r", evidence={}, expected=number)
        tracking.reconcile(ledger)
        seen.append(mlflow.pyfunc.load_model(f"models:/{settings.model}@champion").predict(ASKED))
    ledger.rollback(actor="a", reason="complaints")
    tracking.reconcile(ledger)
    seen.append(mlflow.pyfunc.load_model(f"models:/{settings.model}@champion").predict(ASKED))
    database.close()
    assert not seen[0].equals(seen[1])
    assert seen[2].equals(seen[0])


def test_loading_never_unpickles(
    tracking: Tracking, settings: Settings, mlflow: Any, bundles: list[Path], unpickled: list[str]
) -> None:
    tracking.project_champion(tracking.publish(bundles[0], snapshot="5" * 64, commit="abc").version)
    answers(bundles[0])  # numba reads its own cache of compiled code by pickle, once
    unpickled.clear()
    pickle.loads(pickle.dumps(Path))
    assert unpickled == ["pathlib.Path"], "the hook sees it"
    unpickled.clear()
    mlflow.pyfunc.load_model(f"models:/{settings.model}@champion").predict(ASKED)
    assert unpickled == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_model_damaged_in_the_store_is_refused(
    tracking: Tracking, settings: Settings, mlflow: Any, bundles: list[Path], tmp_path: Path
) -> None:
    tracking.publish(bundles[0], snapshot="5" * 64, commit="abc")
    (weights,) = (tmp_path / "mlflow-artifacts").rglob("weights.npz")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(BundleError, match=r"weights\.npz is not what the manifest says"):
        mlflow.pyfunc.load_model(f"models:/{settings.model}/1")


def test_a_program_of_its_own_needs_only_the_address(
    tracking: Tracking, settings: Settings, bundles: list[Path], tmp_path: Path
) -> None:
    """As a user writes it, in a process that knows nothing of this one."""
    tracking.project_champion(tracking.publish(bundles[0], snapshot="5" * 64, commit="abc").version)
    program = (
        "import sys, mlflow, pandas\n"
        f"mlflow.set_tracking_uri({settings.url!r})\n"
        f"model = mlflow.pyfunc.load_model('models:/{settings.model}@champion')\n"
        "print(model.predict(pandas.read_json(sys.stdin, orient='split')).to_json(orient='split'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        input=ASKED.to_json(orient="split"),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    told = pd.read_json(
        io.StringIO(json.dumps(json.loads(done.stdout.splitlines()[-1]))), orient="split", dtype={"code": str}
    )
    assert told["code"].tolist() == answers(bundles[0])["code"].tolist()
