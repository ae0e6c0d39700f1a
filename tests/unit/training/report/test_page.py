import itertools
import re
import time
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import polars as pl
import pytest
from PIL import Image

from aisle.training.metrics import Scores
from aisle.training.report.page import report_page
from aisle.training.report.plots import report_plots
from aisle.training.report.tables import report_tables
from tests.unit.training.report.judgements import CODES, answers, full, gold_rows, judgement

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "</style></title><svg onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnp.exe مرحبا",
    "javascript:alert(1) & &lt;b&gt;",
    "a\x00\x1b[31mb",
]


class Page(HTMLParser):
    """The elements of a page, and whether each that was opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    return report_page(full())


def test_the_page_is_whole_and_the_same_twice(page: str) -> None:
    parsed = Page(page)
    assert parsed.open == []
    made = full()
    tables = report_tables(made)
    assert report_page(made, tables, report_plots(made, tables)) == page
    page.encode()
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [str(attributes["href"]) for attributes in parsed.all("a")]
    assert links
    assert {link[1:] for link in links} <= set(ids)


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    parsed = Page(page)
    assert not parsed.all("link")
    assert not parsed.all("iframe")
    for _, attributes in parsed.elements:
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/jpeg;base64,"))
    assert not re.search(r"@import|url\((?!#)", page)
    assert not set(re.findall(r"https?://[^\s\"'<]+", page)) - {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_its_policy_lets_its_own_script_run_and_no_other(page: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 1
    policy = next(a["content"] or "" for a in Page(page).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    digest = b64encode(sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_it_can_be_read_without_seeing_it(page: str) -> None:
    parsed = Page(page)
    assert parsed.all("html") == [{"lang": "en"}]
    assert all(attributes.get("alt") for attributes in parsed.all("img"))
    assert all(attributes.get("scope") in {"col", "row"} for attributes in parsed.all("th"))
    assert all(attributes.get("role") == "img" and attributes.get("aria-labelledby") for attributes in parsed.all("svg"))
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_verdict_comes_first_and_all_parts_follow(page: str) -> None:
    text = Page(page).text
    parts = [
        "Verdict",
        "Scores",
        "F1 of the categories",
        "What is taken for what",
        "Is it as right",
        "Slices",
        "Components",
        "Search",
    ]
    places = [text.index(part, text.index("Verdict")) for part in (*parts, "Worst errors", "Origin")]
    assert places == sorted(places)
    for told in (
        "piscine",
        "kept, with smoothed weights",
        "label level 1",
        "4.0 MB",
        '{"trees":50}',
        "numpy 2.3",
        '"c": 1.5',
    ):
        assert told in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_comes_from_outside_is_text_and_nothing_else(hostile: str) -> None:
    scores = answers(60, right=0.2)
    rows = gold_rows(scores, title=[hostile] * 60, source=[hostile] * 60, image_sha256=["a" * 64] * 60)
    made = judgement(
        scores,
        rows,
        categories=dict.fromkeys(CODES, hostile),
        rare={"40": hostile},
        n_grams={"40": [(hostile, 1.0)]},
        trials=[{hostile: hostile, "finished_s": 1, "score": 1}],
        images=lambda rows: [hostile.encode()] * rows.height,
    )
    tame = judgement(
        scores,
        gold_rows(scores, title=["tame"] * 60, source=["tame"] * 60, image_sha256=["a" * 64] * 60),
        categories=dict.fromkeys(CODES, "tame"),
        rare={"40": "tame"},
        n_grams={"40": [("tame", 1.0)]},
        trials=[{"tame": "tame", "finished_s": 1, "score": 1}],
        images=lambda rows: [b"tame"] * rows.height,
    )
    parsed = Page(report_page(made))
    assert parsed.open == []
    assert [tag for tag, _ in parsed.elements] == [tag for tag, _ in Page(report_page(tame)).elements]
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]
    shown = re.sub(r"[\x00-\x08\x0b-\x1f]", "\ufffd", hostile)
    assert " ".join(shown.split()) in " ".join(parsed.text.split())


def test_lone_surrogates_do_not_stop_it() -> None:
    report_page(
        judgement(
            categories=dict.fromkeys(CODES, "odd \udcff"),
            rare={"40": "\ud800"},
            n_grams={"40": [("\udfff", 1.0)]},
            trials=[{"\ud801": "\ud802"}],
        )
    ).encode()


def test_the_worst_errors_have_their_pictures() -> None:
    stream = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)).save(stream, "JPEG")

    def images(rows: pl.DataFrame) -> Sequence[bytes | None]:
        return [stream.getvalue() if int(name) % 2 else b"broken" for name in rows["id"]]

    scores = answers(400, right=0.1)
    parsed = Page(report_page(judgement(scores, gold_rows(scores, image_sha256=["a" * 64] * 400), images=images)))
    wrong = report_tables(judgement(scores))["worst_errors"]
    assert len(parsed.all("img")) == sum(row % 2 for row in wrong["row"])
    assert parsed.text.count("The file begins with") == sum(1 - row % 2 for row in wrong["row"])


def test_of_what_is_not_known_nothing_is_said() -> None:
    text = Page(report_page(judgement())).text
    for part in (
        "Components",
        "Search",
        "Prediction sets",
        "Sent to review",
        "Training rows",
        "Too rare",
        "Heaviest n-grams",
    ):
        assert part not in text


def test_a_model_without_errors_has_none_to_show() -> None:
    scores = answers(10)
    perfect = Scores(scores.ids, scores.predicted, scores.predicted, CODES, scores.probabilities)
    assert "None: every gold row was answered right." in report_page(judgement(perfect))


def test_many_categories_rows_and_trials_stay_small_and_quick() -> None:
    codes = tuple(f"DEPARTMENT {place // 20} > shelf {place // 5} > kind {place}" for place in range(405))
    trials = [{"score": n / 1_000, "finished_s": n} for n in range(1_000)]
    made = judgement(
        answers(6_000, codes, right=0.7),
        categories={},
        n_grams={code: [("a phrase", 1.0)] * 50 for code in codes},
        trials=trials,
    )
    start = time.perf_counter()
    page = report_page(made)
    assert time.perf_counter() - start < 30
    assert len(page.encode()) < 1_500_000
    parsed = Page(page)
    assert "1,000 trials" in parsed.text
    assert "The table holds the best 200." in parsed.text
    assert "All 405 categories" in parsed.text
