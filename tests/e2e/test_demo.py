"""The demo: the first thing that anybody runs, and nothing of theirs is touched by it."""

import re
from pathlib import Path

import pytest

from tests.e2e.programs import Shell

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    # Whatever is configured where it is run, it keeps to itself.
    variables = {
        "AISLE_HOME": str(tmp_path / "mine"),
        "AISLE_DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/precious",
        "AISLE_SERVING_PORT": "1",
        "TMPDIR": str(tmp_path / "tmp"),
    }
    (tmp_path / "tmp").mkdir()
    (folder / "aisle.toml").write_text("[objects]\nurl = 'http://127.0.0.1:1'\n")
    return Shell(folder, variables)


def test_the_demo_shows_the_whole_way_and_twice_as_well(shell: Shell, tmp_path: Path):
    home = tmp_path / "demo"
    first = shell("demo", "--rows", 1_500, "--home", home)
    assert "(1,500 made-up training rows with images)" in first
    for step in ("ingest", "snapshot", "train", "evaluate", "register", "promote"):
        assert f"│ {step} │" in first
    assert "│ champion is version 1 │" in first
    assert re.search(r"POST http://127\.0\.0\.1:\d+/v1/predictions Lot de 2 coussins décoratifs", first)
    assert re.search(r"┃ code ┃ category ┃ probability ┃ .*?│ \d+ │ [^│]+ │ 0\.\d{4} │", first)
    assert "Answered by version 1 of the model." in first
    assert f"export AISLE_HOME={home}" in first
    assert "aisle predict --split test --out answers.csv" in first

    second = shell("demo", "--rows", 1_500, "--home", home)
    assert "│ train │ on record │" in second
    assert "│ is version 1, the champion │" in second
    assert "Answered by version 1 of the model." in second

    # Nothing but the demo's own folder was written, and no temporary file is left.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "tmp", "work"]
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["aisle.toml"]
    assert list((tmp_path / "tmp").iterdir()) == []

    # How it says to go on is how it goes on.
    after = Shell(tmp_path / "work" / "..", {"AISLE_HOME": str(home)})
    after("predict", "--split", "test", "--out", "answers.csv")
    assert (tmp_path / "answers.csv").read_text().startswith(",prdtypecode\n")
    assert "│ 1 │ champion │" in after("models", "list")
