import numpy as np
import pytest

from aisle.errors import BundleError
from aisle.models.boosting import BoostingScorer
from aisle.models.families import FAMILIES
from aisle.models.forest import ForestScorer
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions
from aisle.models.scorers import load_scorer
from aisle.models.weights import LinearScorer
from tests.unit.models.problems import dense_problem

MADE = {
    "logistic": (LogisticOptions(passes=2), LinearScorer, "linear"),
    "svm": (SvmOptions(passes=2), LinearScorer, "linear"),
    "forest": (ForestOptions(trees=2), ForestScorer, "forest"),
    "boosting": (BoostingOptions(rounds=2), BoostingScorer, "boosting"),
}


@pytest.mark.parametrize("name", MADE)
def test_the_kind_says_which_class_loads_it(name: str) -> None:
    options, expected, kind = MADE[name]
    matrix, labels = dense_problem()
    settings, files = FAMILIES[name].fit(matrix, labels, 3, options, seed=0, jobs=1).to_parts()
    assert settings["kind"] == kind
    scorer = load_scorer(settings, files, 8, 3)
    assert type(scorer) is expected
    assert np.isfinite(scorer.scores(matrix)).all()


@pytest.mark.parametrize("settings", [{}, {"kind": None}, {"kind": "Linear"}, {"kind": ["linear"]}, {"kind": "svm"}])
def test_an_unknown_kind_is_refused_with_a_way_out(settings: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="which this release of aisle does not know") as caught:
        load_scorer(settings, {}, 8, 3)
    assert repr(settings.get("kind")) in caught.value.message
    assert caught.value.hint == "Use the release that made it."
