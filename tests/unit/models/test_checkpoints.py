from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import hstack

from aisle.errors import ModelError
from aisle.features.text import TextConfig
from aisle.features.tfidf import TfidfColumns
from aisle.models.checkpoints import write_checkpoint
from aisle.models.classifier import Classifier
from aisle.models.component import Component
from aisle.models.deep.names import column_names
from aisle.models.deep.start import read_checkpoint
from aisle.models.text_space import TextSpace
from tests.unit.models.deep.nets import both_problem, random_net
from tests.unit.models.problems import dense_problem, sparse_problem

SPACE = TextSpace(TextConfig(), TfidfColumns.from_arrays(np.arange(40, dtype=np.int32), np.ones(40, np.float32), 21), 1.0)


def classifier(*modalities: Any, space: TextSpace | None = SPACE) -> Classifier:
    problems = {"text": sparse_problem(), "image": dense_problem(), "both": both_problem()}
    nets = {name: random_net(*problems[name], seed=len(name)) for name in modalities}
    components = tuple(Component(f"{name}-deep", "deep", name, net) for name, net in nets.items())
    return Classifier(3, space, None, components, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("modalities", "taken"), [(("text",), "text"), (("both", "image"), "both"), (("both", "text"), "text")]
)
def test_what_the_deep_component_knows_of_n_grams_is_written(
    modalities: tuple[str, ...], taken: str, tmp_path: Path
) -> None:
    fitted = classifier(*modalities)
    assert write_checkpoint(fitted, tmp_path) == f"{taken}-deep"
    scorer: Any = next(part.scorer for part in fitted.components if part.modality == taken)
    start = read_checkpoint(tmp_path)
    assert np.array_equal(start.names, column_names(SPACE, 40)[scorer.inputs.columns])
    assert np.array_equal(start.arrays["text_weights"], scorer.arrays["text_weights"])


def test_a_classifier_without_a_net_on_texts_has_none(tmp_path: Path) -> None:
    for fitted in (classifier(), classifier("image"), classifier("text", space=None)):
        with pytest.raises(ModelError, match="no deep component that looks at texts"):
            write_checkpoint(fitted, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_columns_behind_the_n_grams_are_left_out(tmp_path: Path) -> None:
    left, labels = sparse_problem(columns=60)
    net = random_net(hstack([left], format="csr"), labels)
    assert net.inputs.columns[-1] >= 40
    write_checkpoint(Classifier(3, SPACE, None, (Component("x", "deep", "both", net),), None), tmp_path)  # type: ignore[arg-type]
    assert read_checkpoint(tmp_path).names.size == (net.inputs.columns < 40).sum()
