"""The loop for real, as processes: wrong labels, answers, people's corrections, a retraining on request, a better model."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from aisle.bootstrap import Application
from aisle.catalog.sample import write_sample
from aisle.catalog.snapshot import read
from aisle.monitoring.records import MonitorRecords
from aisle.review.effect import effect
from aisle.storage.schema import labels, predictions, products
from tests.e2e.programs import Served, Shell
from tests.trained import opened
from tests.unit.serving.fakes import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

POOL, MODEL_KIT = "2583", "1300"
STRANGER = {"id": "stranger", "title": "Piscine ronde hors sol avec pompe", "description": "Avec filtre."}
SETTINGS = {
    # Chance picks every answer, one person looks at each, and a hundred labels are enough.
    "AISLE_REVIEW_DRAW_SHARE": "1",
    "AISLE_REVIEW_DOUBLE_SHARE": "0",
    "AISLE_REVIEW_CORRECTIONS": "100",
    "AISLE_TRAINING_MODALITIES": "text",
    "AISLE_SERVING_KEEP_TEXT": "true",
}


@dataclass(frozen=True)
class Loop:
    """A loop that was gone round once.

    Args:
        shell: Runs the program where it happened.
        truth: The right category of each product that was decided.
        wrong: The ids of those that the catalogue's own file had wrong, that which was decided first before the others.
        asked: What `aisle review retrain` said: before anything was decided, and after it.
        told: What the pipeline printed.
        answers: What the server answered to the wrong ones, by the version that answered.
    """

    shell: Shell
    truth: dict[str, str]
    wrong: list[str]
    asked: list[dict[str, Any]]
    told: str
    answers: dict[int, dict[str, str]]

    def opened(self) -> Application:
        return opened(self.shell.folder / ".aisle", **SETTINGS)


def mislabelled_shop(folder: Path) -> dict[str, str]:
    """Write a catalogue that calls three of four pools model kits, and return the right category of each product."""
    write_sample(folder, rows=1_500, seed=1, images=False)
    (file,) = folder.glob("Y_train*.csv")
    with file.open(newline="") as stream:
        header, *rows = csv.reader(stream)
    pools = [number for number, code in rows if code == POOL]
    spoilt = {number for place, number in enumerate(pools) if place % 4}
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *([n, MODEL_KIT if n in spoilt else code] for n, code in rows)])
    return dict(rows)


def catalogued(home: Application, ids: list[str]) -> list[dict[str, Any]]:
    columns = products.c.id, products.c.title, products.c.description
    with home.database.reading() as connection:
        rows = connection.execute(select(*columns).where(products.c.split == "train", products.c.id.in_(ids)))
        return [dict(row._mapping) for row in rows]


def answered(served: Served, home: Application, asked: list[dict[str, Any]]) -> dict[str, str]:
    """Have the server answer, wait until the log has it, and return the categories by id."""
    count = select(func.count()).select_from(predictions)

    def logged() -> int:
        with home.database.reading() as connection:
            return int(connection.execute(count).scalar_one())

    before, found = logged(), {}
    for start in range(0, len(asked), 100):
        some = asked[start : start + 100]
        told = served.client.post("/v1/predictions", json={"products": some}, timeout=120).raise_for_status().json()
        found |= {one["id"]: one["code"] for one in told["predictions"]}
    eventually(lambda: logged() == before + len(asked), within_s=120)
    return found


def review(shell: Shell, home: Application, truth: dict[str, str]) -> list[str]:
    """Have zoe decide one product and change her mind once, and max the others; return the ids in that order."""
    item = json.loads(shell("review", "next", "--as", "zoe", "--json"))["item"]
    while item["product_id"] not in truth:
        # Of a product that is in no catalogue nobody says anything.
        shell("review", "skip", item["id"], "--as", "zoe")
        item = json.loads(shell("review", "next", "--as", "zoe", "--json"))["item"]
    identity = item["product_id"]
    shell("review", "decide", item["id"], MODEL_KIT, "--as", "zoe")
    shell("review", "undo", "--as", "zoe")
    shell("review", "decide", item["id"], truth[identity], "--as", "zoe", "--reason", "Look again.")
    decided, categories = [identity], home.reviews.categories()
    while (own := home.review_desk.next("max")) is not None:
        if own.product_id in truth:
            home.review_desk.decide(own.id, "max", truth[own.product_id], categories=categories)
            decided.append(own.product_id)
        else:
            home.review_desk.skip(own.id, "max")
    return decided


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    folder = tmp_path_factory.mktemp("loop")
    truth = mislabelled_shop(folder / "shop")
    shell = Shell(folder, SETTINGS)
    shell("pipeline", "run", folder / "shop", "--share", 1)
    pools = [number for number, code in truth.items() if code == POOL]
    others = [number for number, code in truth.items() if code != POOL][:60]
    with opened(folder / ".aisle", **SETTINGS) as home, shell.serving("aisle", "serve", "--port", "0") as served:
        eventually(lambda: served.version() == 1, within_s=120)
        asked = [*catalogued(home, [*pools, *others]), STRANGER]
        answers = {1: answered(served, home, asked)}
        asked_for = [json.loads(shell("review", "retrain", "--json"))]
        shell("review", "fill")
        decided = review(shell, home, {number: truth[number] for number in (*pools, *others)})
        asked_for.append(json.loads(shell("review", "retrain", "--json")))
        told = shell("pipeline", "run", folder / "shop", "--share", 1, "--on-request")
        eventually(lambda: served.version() == 2, within_s=120)
        answers[2] = answered(served, home, asked)
    wrong = [number for number in decided if number in pools and pools.index(number) % 4]
    return Loop(shell, {number: truth[number] for number in decided}, wrong, asked_for, told, answers)


def test_people_ask_for_a_retraining_without_any_monitoring_run(loop: Loop):
    before, after = loop.asked
    assert (before["need"]["reasons"], before["request"]) == ([], None)
    assert after["need"]["corrections"] == len(loop.truth) == 240
    assert (after["need"]["run_id"], after["request"]) == (None, 1)
    assert "People gave 240 labels since the champion's snapshot; 100 are enough." in after["need"]["reasons"]
    with loop.opened() as home:
        assert MonitorRecords(home.database).runs() == []


def test_the_request_ends_with_a_champion_that_is_better_for_it(loop: Loop):
    assert "│ champion is version 2 │" in loop.told
    with loop.opened() as home:
        (request,) = home.requests.all()
    assert (request.state, request.version, request.new_version, request.run_id) == ("promoted", 1, 2, None)
    assert "The challenger is better" in request.outcome
    right = {version: sum(found[number] == POOL for number in loop.wrong) for version, found in loop.answers.items()}
    assert right[1] < 0.2 * len(loop.wrong)
    assert right[2] > 0.8 * len(loop.wrong)
    need = json.loads(loop.shell("review", "retrain", "--dry-run", "--json"))["need"]
    assert (need["version"], need["corrections"]) == (2, 0)


def test_the_snapshot_says_whose_each_label_is(loop: Loop):
    with loop.opened() as home:
        frozen = read(home.artifacts, home.ledger.model(2).snapshot)
    found = {row["id"]: row for row in frozen.filter(frozen["split"] == "train").iter_rows(named=True)}
    by_people = {number for number, row in found.items() if row["label_author"] not in ("source", None)}
    assert by_people == set(loop.truth)
    assert all(found[number]["label"] == code for number, code in loop.truth.items())
    first = next(iter(loop.truth))
    assert {found[number]["label_author"] for number in loop.truth if number != first} == {"max"}
    assert found[first]["label_author"] == "zoe"


def test_what_a_model_says_is_no_label(loop: Loop):
    with loop.opened() as home, home.database.reading() as connection:
        rows = connection.execute(select(labels.c.product_id, labels.c.author, labels.c.reason)).all()
        strangers = connection.execute(select(products.c.id).where(products.c.source == "answers")).all()
    # Each decision is one row, and zoe's change of mind two more.
    assert len(rows) == len(loop.truth) + 2
    assert {row.product_id for row in rows} == set(loop.truth)
    assert {row.author for row in rows} == {"zoe", "max"}
    assert all(row.reason.startswith("Review ") for row in rows)
    assert strangers == []
    assert loop.answers[1]["stranger"] == loop.answers[1][loop.wrong[0]] == MODEL_KIT


def test_what_the_labels_changed_is_on_record(loop: Loop):
    with loop.opened() as home:
        found = effect(home.database, 2)
    assert (found.before, found.promoted, found.learnt_before) == (1, True, 0)
    # Those of the gold rows are not learnt.
    assert found.learnt is not None
    assert 0.7 * len(loop.truth) < found.learnt < len(loop.truth)
    gold, live = found.gold, found.live_before
    assert gold is not None
    assert gold.after - gold.before > gold.low > 0
    assert live is not None
    assert live.cases == len(loop.truth)
    assert live.value == pytest.approx(sum(loop.answers[1][n] == code for n, code in loop.truth.items()) / live.cases)
    assert found.live.cases == 0
    told = loop.shell("models", "show", 2)
    assert f"Version 2 learnt {found.learnt} labels by people, +{found.learnt} against version 1." in told
    assert f"On the same {gold.rows} gold rows its weighted F1 was {gold.after:.4f}" in told
    assert "Of version 1's answers" in told


def test_one_product_s_whole_way_is_one_trace(loop: Loop):
    product = next(
        number for number in loop.wrong if loop.answers[1][number] == MODEL_KIT and loop.answers[2][number] == POOL
    )
    with loop.opened() as home:
        second = home.ledger.model(2)
    author = "zoe" if product == next(iter(loop.truth)) else "max"
    told = loop.shell("trace", product)
    stations = [
        f"version 1 answered {MODEL_KIT}",
        "entered the review queue",
        f"{author} chose {POOL}",
        f"is {POOL}, by {author}: Review",
        "request 1 asked for a retraining: People gave 240 labels",
        f"snapshot {second.snapshot[:12]} took it as {POOL}, by {author}",
        f"version 2 (bundle {second.bundle[:12]}) learnt snapshot {second.snapshot[:12]}",
        "pipeline made version 2 champion (promote): The challenger is better",
        f"version 2 answered {POOL}",
        f"the champion answers {POOL}",
    ]
    places = [told.find(station) for station in stations]
    assert -1 not in places, told
    assert places == sorted(places), told
    assert f"Its answer changed from {MODEL_KIT} to {POOL}." in told
    assert "Version 2 learnt" in told
