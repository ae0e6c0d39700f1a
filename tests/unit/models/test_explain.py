from dataclasses import replace

import numpy as np
import pytest

from aisle.catalog.product import Product
from aisle.errors import InputError
from aisle.models.classifier import Classifier
from aisle.models.explain import MAX_TERMS, explain
from aisle.models.fusion import Form
from tests.unit.models.examples import WORDS, fitted, picture

CATEGORIES = {code: f"Category {code}" for code in sorted(WORDS)}
PICTURE = picture("50", 5)
PRODUCTS = [
    Product("1", "piscine pompe liner 12"),
    Product("2", "piscine roman manette", "livre de poche"),
    Product("3", "console", image=PICTURE),
    Product("4", image=PICTURE),
    Product("5", "mot inconnu", image=b"text"),
    Product("6"),
]


@pytest.fixture(scope="module")
def model() -> Classifier:
    return fitted(images=True)


def with_form(model: Classifier, form: Form) -> Classifier:
    """The same model with patterns of another form."""
    generator = np.random.default_rng(3)
    classes = len(WORDS)
    shape = {"scalar": (), "vector": (classes,), "matrix": (classes, classes)}[form]
    patterns = tuple(
        replace(own, form=form, weights=generator.random((len(own.members), *shape)).astype(np.float32))
        for own in model.fusion.patterns
    )
    return replace(model, fusion=replace(model.fusion, patterns=patterns))


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.id)
@pytest.mark.parametrize("code", [None, *sorted(WORDS)])
@pytest.mark.parametrize("form", ["scalar", "vector", "matrix"])
def test_everything_adds_up(model: Classifier, product: Product, code: str | None, form: Form) -> None:
    own = with_form(model, form)
    told = explain(own, CATEGORIES, product, code)
    answer = own.answer([product])
    best = sorted(WORDS)[int(answer.probabilities[0].argmax())]
    assert told.answered == best
    assert told.code == (code or best)
    target = sorted(WORDS).index(told.code)
    assert told.probability == answer.probabilities[0, target]
    assert told.score == pytest.approx(told.offset + sum(one.contribution for one in told.components), abs=1e-5)
    for text in told.texts:
        terms = [term.contribution for term in (*text.pro, *text.contra)]
        assert text.score == pytest.approx(text.bias + sum(terms) + text.rest, abs=1e-5)


def test_the_score_is_the_one_that_is_fused(model: Classifier) -> None:
    for product in PRODUCTS[:5]:
        texts = model.text.texts([product]) if model.text else []
        found = model.image.rows([product.image]) if model.image else None
        assert found is not None
        written = np.array([bool(text) for text in texts])
        masks = [component.usable(written, found.seen) for component in model.components]
        scores = model._scores(texts, found.values, found.seen, masks)
        answer = model.answer([product])
        usable = [bool(c.usable(answer.written, answer.seen)[0]) for c in model.components]
        pattern = model.fusion.pattern(usable)
        assert pattern is not None
        fused = pattern.fused(scores)[0]
        for target, code in enumerate(sorted(WORDS)):
            assert explain(model, CATEGORIES, product, code).score == pytest.approx(fused[target], abs=1e-4)


def test_words_of_the_category_speak_for_it_and_words_of_others_against(model: Classifier) -> None:
    (text,) = explain(model, CATEGORIES, Product("1", "piscine roman"), "2583", terms=50).texts
    assert text.pro[0].contribution >= text.pro[-1].contribution > 0
    assert text.contra[0].contribution <= text.contra[-1].contribution < 0
    assert "piscine" in [term.ngram for term in text.pro]
    assert "roman" in [term.ngram for term in text.contra]
    for term in (*text.pro, *text.contra):
        assert term.contribution == pytest.approx(term.weight * term.value, rel=1e-5)
        assert term.ngram.replace("_", " ").strip() in "piscine roman"


def test_a_modality_is_worth_what_is_lost_without_it(model: Classifier) -> None:
    product = PRODUCTS[2]
    told = explain(model, CATEGORIES, product)
    lacking = {"text": Product("3", image=PICTURE), "image": Product("3", "console")}
    assert [one.modality for one in told.modalities] == ["text", "image"]
    for one in told.modalities:
        shares = model.answer([lacking[one.modality]]).probabilities[0]
        assert one.probability_without == shares[sorted(WORDS).index(told.code)]
    assert told.pattern == ("text-logistic", "image-logistic")
    assert [one.modality for one in explain(model, CATEGORIES, PRODUCTS[4]).modalities] == ["text"]


def test_a_product_with_nothing_gets_the_prior_and_no_reasons(model: Classifier) -> None:
    told = explain(model, CATEGORIES, PRODUCTS[5])
    assert (told.pattern, told.texts, told.modalities) == ((), (), ())
    assert not any(one.counts for one in told.components)


def test_the_answer_is_bounded(model: Classifier) -> None:
    long = Product("1", " ".join(word for words in WORDS.values() for word in words) * 50)
    (text,) = explain(model, CATEGORIES, long, terms=MAX_TERMS).texts
    assert len(text.pro) <= MAX_TERMS
    assert len(text.contra) <= MAX_TERMS


@pytest.mark.parametrize(("code", "terms"), [("999", 10), (None, 0), (None, MAX_TERMS + 1)])
def test_what_cannot_be_explained_is_refused(model: Classifier, code: str | None, terms: int) -> None:
    with pytest.raises(InputError):
        explain(model, CATEGORIES, PRODUCTS[0], code, terms=terms)
