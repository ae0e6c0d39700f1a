import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import pytest

from aisle.catalog.product import Product
from aisle.digest import sha256
from aisle.errors import BundleError, InputError
from aisle.models.bundle import Bundle, write_bundle
from aisle.models.manifest import read_sealed, write_sealed
from aisle.models.weights import LinearScorer
from tests.unit.models.examples import WORDS, fitted, parts, products

COLUMNS, FUSION, WEIGHTS = "weights/text/columns.npz", "weights/fusion/fusion.npz", "weights/text-logistic/weights.npz"
FILES = ("card.md", "golden.jsonl", "manifest.json", "metrics.json", "profile.json", "schema.json", FUSION, WEIGHTS, COLUMNS)


def _damage_at(size: int) -> list[int]:
    # The first and last bytes, where formats keep their marks and directories, and bytes spread over the rest.
    return sorted({*range(min(12, size)), *range(max(0, size - 12), size), *range(0, size, max(1, size // 40))})


def _resealed(folder: Path, to: Path, **changes: bytes) -> Path:
    """Write the bundle again with other files and a manifest that agrees with them."""
    sealed = read_sealed(folder)
    files = {
        **sealed.files,
        **{name.replace("__", "/").replace("_dot_", ".").replace("_dash_", "-"): data for name, data in changes.items()},
    }
    write_sealed(to, files, snapshot="5" * 64, configuration="c" * 64, commit="unknown")
    return to


def test_what_is_written_is_what_is_loaded(pristine: Path) -> None:
    bundle = Bundle.load(pristine)
    made = parts()
    assert dict(bundle.categories) == dict(made.categories)
    assert list(bundle.categories) == list(made.categories)
    assert bundle.metrics == made.metrics
    assert bundle.profile == made.profile
    assert bundle.card == made.card
    assert bundle.level is None
    assert bundle.modalities == ("text",)
    assert bundle.manifest["snapshot"] == made.snapshot
    assert bundle.manifest["configuration"] == made.configuration
    assert bundle.manifest["commit"] == "unknown"
    assert sorted(path.relative_to(pristine).as_posix() for path in pristine.rglob("*") if path.is_file()) == sorted(FILES)
    assert bundle.size_bytes == sum((pristine / name).stat().st_size for name in FILES if name != "manifest.json")
    items, _ = products(50, seed=7)
    assert np.array_equal(bundle.probabilities(items), made.model.answer(items).probabilities)


def test_the_same_parts_are_the_same_bytes(pristine: Path, tmp_path: Path) -> None:
    digest = write_bundle(tmp_path / "again", parts())
    assert digest == Bundle.load(pristine).digest
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (pristine / name).read_bytes()


@pytest.mark.parametrize(
    "change",
    [{"snapshot": "6" * 64}, {"configuration": "d" * 64}, {"commit": "abc"}, {"card": "# Other\n"}, {"level": 1}],
    ids=lambda change: next(iter(change)),
)
def test_every_part_counts_for_the_digest(pristine: Path, tmp_path: Path, change: dict[str, object]) -> None:
    assert write_bundle(tmp_path / "other", parts(**change)) != Bundle.load(pristine).digest


def test_a_second_bundle_does_not_replace_the_first(folder: Path) -> None:
    before = Bundle.load(folder).digest
    with pytest.raises(BundleError, match="is not empty"):
        write_bundle(folder, parts(card="# Other\n"))
    assert Bundle.load(folder).digest == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("name", FILES)
def test_no_flipped_byte_goes_unnoticed(folder: Path, name: str) -> None:
    path = folder / name
    good = path.read_bytes()
    for place in _damage_at(len(good)):
        for bit in (0x01, 0x80):
            path.write_bytes(good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :])
            with pytest.raises(BundleError):
                Bundle.load(folder)
    path.write_bytes(good)
    Bundle.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_no_lost_or_added_end_goes_unnoticed(folder: Path, name: str) -> None:
    path = folder / name
    good = path.read_bytes()
    for bad in (b"", good[: len(good) // 2], good[:-1], good + b"\n", good + b"\0" * 512, good + good):
        path.write_bytes(bad)
        with pytest.raises(BundleError, match=path.name):
            Bundle.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_no_missing_file_goes_unnoticed(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=Path(name).name):
        Bundle.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_no_renamed_file_goes_unnoticed(folder: Path, name: str) -> None:
    (folder / name).rename(folder / f"{name}.bak")
    with pytest.raises(BundleError, match=Path(name).name):
        Bundle.load(folder)


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "weights/more.npz", "weights/deep/down.json", "model.pkl"])
def test_no_added_file_goes_unnoticed(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    with pytest.raises(BundleError, match=r"is not listed"):
        Bundle.load(folder)


def test_two_files_that_changed_places_are_noticed(folder: Path) -> None:
    (folder / "metrics.json").rename(folder / "x")
    (folder / "profile.json").rename(folder / "metrics.json")
    (folder / "x").rename(folder / "profile.json")
    with pytest.raises(BundleError, match=r"is not what the manifest says"):
        Bundle.load(folder)


def test_another_bundles_file_is_noticed(folder: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "other", parts(model=fitted(rows=90)))
    (tmp_path / "other" / WEIGHTS).replace(folder / WEIGHTS)
    with pytest.raises(BundleError, match=r"weights\.npz is not what the manifest says"):
        Bundle.load(folder)


def test_a_manifest_that_agrees_with_a_changed_answer_is_refused(pristine: Path, tmp_path: Path) -> None:
    lines = (pristine / "golden.jsonl").read_bytes().splitlines(keepends=True)
    first = orjson.loads(lines[0])
    first["output"]["top"][0][1] = round(1 - first["output"]["top"][0][1], 6)
    data = b"".join([orjson.dumps(first) + b"\n", *lines[1:]])
    with pytest.raises(BundleError, match=r"is answered .* now, but was"):
        Bundle.load(_resealed(pristine, tmp_path / "forged", golden_dot_jsonl=data))


def test_weights_of_another_model_answer_the_golden_products_otherwise(pristine: Path, tmp_path: Path) -> None:
    model = fitted()
    scorer = model.components[0].scorer
    assert isinstance(scorer, LinearScorer)
    weights = LinearScorer.of(scorer.weights[:, ::-1], scorer.bias).to_parts()[1]["weights.npz"]
    assert sha256(weights) != sha256((pristine / WEIGHTS).read_bytes())
    with pytest.raises(BundleError, match="golden product"):
        Bundle.load(_resealed(pristine, tmp_path / "forged", weights__text_dash_logistic__weights_dot_npz=weights))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda schema: schema.pop("level"), "schema.json"),
        (lambda schema: schema.pop("categories"), "schema.json"),
        (lambda schema: schema["categories"].clear(), "lists no categories"),
        (lambda schema: schema["categories"].append(schema["categories"][0]), "one twice"),
        (lambda schema: schema["categories"].pop(), r"shape|classes"),
        (lambda schema: schema["model"].update(kind="forest"), "kind 'forest'"),
        (lambda schema: schema["model"].pop("text"), "schema.json"),
        (lambda schema: schema["model"]["text"]["config"].update(bits=12), "columns"),
        (lambda schema: schema["model"]["text"]["config"].update(title_times=0), "title_times"),
        (lambda schema: schema["model"]["text"]["config"]["normalisation"].update(version=99), "normalisation"),
        (lambda schema: schema["model"]["text"]["config"]["normalisation"].update(html=False), "golden product"),
        (lambda schema: schema["model"]["text"].update(char_weight=0.0), "no positive number"),
        (lambda schema: schema["model"]["components"].clear(), r"components|fusion"),
        (lambda schema: schema["model"]["components"][0].update(modality="smell"), "modality 'smell'"),
        (lambda schema: schema["model"]["components"][0]["scorer"].update(kind="oracle"), "kind 'oracle'"),
        (lambda schema: schema["model"]["components"][0].update(known=[0, 9]), "classes that there are not"),
        (lambda schema: schema["model"]["fusion"].update(kind="early"), "kind 'early'"),
        (lambda schema: schema.pop("decisions"), "schema.json"),
        (lambda schema: schema["decisions"]["review"]["least"].pop(), "threshold"),
        (lambda schema: schema["decisions"]["prediction_sets"].update(coverage=2), "prediction"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused(pristine: Path, tmp_path: Path, change: object, words: str) -> None:
    schema = orjson.loads((pristine / "schema.json").read_bytes())
    change(schema)  # type: ignore[operator]
    with pytest.raises(BundleError, match=words):
        Bundle.load(_resealed(pristine, tmp_path / "forged", schema_dot_json=orjson.dumps(schema)))


@pytest.mark.parametrize("name", ["schema", "metrics", "profile"])
@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff"])
def test_a_file_that_is_no_json_object_is_refused(pristine: Path, tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(BundleError, match=f"{name}.json"):
        Bundle.load(_resealed(pristine, tmp_path / "forged", **{f"{name}_dot_json": data}))


def test_a_card_that_is_no_text_is_refused(pristine: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"card\.md is not UTF-8"):
        Bundle.load(_resealed(pristine, tmp_path / "forged", card_dot_md=b"\xff"))


def test_files_without_a_part_are_refused() -> None:
    with pytest.raises(BundleError, match=r"has no schema\.json"):
        Bundle({}, {})


def test_answers_are_the_most_probable_categories_best_first(pristine: Path) -> None:
    bundle = Bundle.load(pristine)
    items, labels = products(80, seed=3)
    probabilities = bundle.probabilities(items)
    predictions = bundle.predict(items, top=2)
    codes = list(bundle.categories)
    assert [p.id for p in predictions] == [item.id for item in items]
    assert np.mean([codes[label] == p.code for label, p in zip(labels, predictions, strict=True)]) > 0.95
    for prediction, row in zip(predictions, probabilities, strict=True):
        assert [c.probability for c in prediction.top] == sorted(row.tolist(), reverse=True)[:2]
        assert prediction.confidence == prediction.top[0].probability == row[codes.index(prediction.code)]
        assert (prediction.code, prediction.name) == (prediction.top[0].code, f"Category {prediction.code}")
        assert prediction.modalities == ("text",)


@pytest.mark.parametrize(("top", "length"), [(1, 1), (3, 3), (99, 3)])
def test_no_more_categories_are_told_than_asked_for_or_there_are(pristine: Path, top: int, length: int) -> None:
    (prediction,) = Bundle.load(pristine).predict([Product("1", title="livre")], top=top)
    assert len(prediction.top) == length


def test_less_than_one_category_cannot_be_asked_for(pristine: Path) -> None:
    with pytest.raises(InputError, match="top is 0"):
        Bundle.load(pristine).predict([Product("1", title="livre")], top=0)


@pytest.mark.parametrize(
    "product",
    [
        Product("1"),
        Product("1", title="", description=""),
        Product("1", title=" \u200b ", description="<br/>&nbsp;"),
        Product("1", image=b"\xff\xd8"),
    ],
)
def test_without_a_text_the_answer_is_the_prior(pristine: Path, product: Product) -> None:
    bundle = Bundle.load(pristine)
    (prediction,) = bundle.predict([product])
    shares = np.bincount(products(120)[1]) / 120
    assert prediction.modalities == ()
    assert prediction.code == list(bundle.categories)[shares.argmax()]
    assert np.allclose(bundle.probabilities([product])[0], shares)


def test_no_products_get_no_answers(pristine: Path) -> None:
    bundle = Bundle.load(pristine)
    assert bundle.predict([]) == []
    assert bundle.probabilities([]).shape == (0, len(WORDS))


def test_many_products_are_answered_as_each_alone(pristine: Path) -> None:
    bundle = Bundle.load(pristine)
    items = products(5_000, seed=5)[0]
    together = bundle.predict(items)
    assert len(together) == 5_000
    for place in (0, 2_047, 2_048, 4_999):
        assert together[place] == bundle.predict([items[place]])[0]


def test_threads_get_their_own_answers(pristine: Path) -> None:
    bundle = Bundle.load(pristine)
    batches = [products(200, seed=seed)[0] for seed in range(16)]
    alone = [bundle.predict(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(bundle.predict, batches)) == alone


_AUDITED = """
import sys
from pathlib import Path
import numpy as np
from aisle.catalog.product import Product
from aisle.features.linear_texts import LinearTexts, Stepped, stepped
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns
from aisle.models.bundle import Bundle
from aisle.models.golden import choose_golden

# Compiled n-grams come from numba's own cache, and a codec is imported at the first mojibake: have them in place first.
features = TextFeatures(TextConfig(bits=8))
columns = TfidfColumns.fit(features.counts([Product("warm", title="warm")]))
model = Stepped(*stepped(np.zeros((columns.columns.size, 1), np.float32)), np.zeros(1, np.float32))
LinearTexts.of(features.config.shape, columns, [model]).scores(["warm"])
TextFeatures(TextConfig()).texts(choose_golden([]))
seen, opened = [], []
def listen(event, args):
    seen.append(event)
    if event == "open":
        opened.append(str(args[0]))
sys.addaudithook(listen)
bundle = Bundle.load(Path(sys.argv[1]))
assert bundle.predict([Product("1", title="livre de poche")])[0].code == "10"
forbidden = {"exec", "import", "marshal.loads", "marshal.load", "pickle.find_class", "os.system", "subprocess.Popen",
             "ctypes.dlopen", "socket.connect", "code.__new__"}
outside = [name for name in opened if not name.startswith(sys.argv[1])]
print(sorted(forbidden & set(seen)), outside, "sklearn" in sys.modules, "scipy.optimize" in sys.modules, len(opened))
"""


def test_loading_runs_no_code_and_reads_nothing_else(pristine: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AUDITED, str(pristine)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["[]", "[]", "False", "False", str(len(FILES))]
