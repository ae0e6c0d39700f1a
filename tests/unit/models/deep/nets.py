"""Nets with random weights, and what they answer written plainly."""

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack

from aisle.models.deep.inputs_fit import inputs_of
from aisle.models.deep.net import first_arrays
from aisle.models.deep.scorer import NeuralScorer, Sizes
from aisle.models.family import Floats, Labels
from tests.unit.models.problems import dense_problem, sparse_problem


def both_problem(rows: int = 300, seed: int = 0, share: float = 0.7) -> tuple[csr_matrix, Labels]:
    """Return n-grams, numbers of images and whether there is an image, as `component.joined` lays them; labels by both."""
    left, _ = sparse_problem(rows, seed=seed)
    right, labels = dense_problem(rows, seed=seed)
    seen = (np.random.default_rng(seed).random(rows) < share).astype(np.float32)[:, np.newaxis]
    return hstack([left, csr_matrix(right * seen), csr_matrix(seen)], format="csr", dtype=np.float32), labels


def random_net(matrix: csr_matrix | Floats, labels: Labels, classes: int = 3, seed: int = 0) -> NeuralScorer:
    """Return a net that reads a matrix and has learnt nothing; none of its weights is where all nets begin."""
    inputs = inputs_of(matrix, labels, classes, 30)
    generator = np.random.default_rng(seed)
    arrays = first_arrays(Sizes(inputs.columns.size, inputs.dense.size, 2, 5, classes), generator)
    moved = {name: array + generator.normal(0, 0.3, array.shape).astype(np.float32) for name, array in arrays.items()}
    return NeuralScorer.of(inputs, moved)


def plain_scores(scorer: NeuralScorer, matrix: Any) -> Any:
    """Return what a net answers, (rows, classes), one row and one head after the other, in double precision."""
    whole = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    inputs, found = scorer.inputs, {name: array.astype(float) for name, array in scorer.arrays.items()}
    width = scorer.sizes.width
    answers = []
    for row in whole.astype(float):
        heads = []
        for head in range(scorer.sizes.heads):
            part = slice(head * width, (head + 1) * width)
            sides = {"text": row[inputs.columns], "image": (row[inputs.dense] - inputs.mean) * inputs.scale}
            there = {
                "text": inputs.columns.size,
                "image": inputs.dense.size and (inputs.presence < 0 or row[inputs.presence]),
            }
            units = []
            for name, values in sides.items():
                summed = values @ found[f"{name}_weights"][:, part] + found[f"{name}_bias"][part]
                normed = norm(summed) * found[f"{name}_gain"][part] + found[f"{name}_shift"][part]
                units.append(np.maximum(normed, 0) if there[name] else np.zeros(width))
            middle = norm(np.concatenate(units) @ found["hidden_weights"][head])
            middle = np.maximum(middle * found["hidden_gain"][head] + found["hidden_shift"][head], 0) + sum(units)
            scores = middle @ found["out_weights"][head] + found["out_bias"][head]
            heads.append(scores - np.log(np.exp(scores).sum()))
        answers.append(np.mean(heads, axis=0))
    return np.array(answers)


def norm(units: Any) -> Any:
    return (units - units.mean()) / np.sqrt(units.var() + 1e-5)
