"""Fitting the deep family with torch, on a GPU where there is one."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.errors import TrainingError
from aisle.models.deep.inputs_fit import inputs_of
from aisle.models.deep.net import Hidden, Net, first_arrays
from aisle.models.deep.options import DeepOptions
from aisle.models.deep.scorer import NeuralScorer, Sizes
from aisle.models.deep.start import Start, started_from
from aisle.models.deep.torch_import import imported_torch, repeatable
from aisle.models.dual import importance
from aisle.models.family import Floats, Labels, Matrix

_HELD_BACK = 0.1
_WARM_UP = 0.1
_LONGEST_WARM_UP = 200.0
_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a fit: their features as the net reads them, classes, and what each counts."""

    grams: csr_matrix
    numbers: Floats
    present: Floats
    labels: NDArray[np.int64]
    counts: Floats


def fit(
    matrix: Matrix,
    labels: Labels,
    classes: int,
    options: DeepOptions,
    *,
    seed: int,
    jobs: int,
    names: NDArray[np.int64] | None = None,
) -> NeuralScorer:
    """Fit a net, from scratch or from a checkpoint; on one CPU, the same input gives the same bytes.

    Args:
        matrix: Features, (rows, columns).
        labels: Each row's class, (rows,), from 0.
        classes: How many classes there are.
        options: What the fit is steered by.
        seed: Of the first weights, the order of the rows, and what is hidden.
        jobs: Not used: on a CPU one thread does it, so that the outcome depends on no machine's cores.
        names: What each column is, as `names.column_names` says, (columns,); needed for a checkpoint only.

    Raises:
        ModelError: The checkpoint cannot be used.
        TrainingError: Torch is not installed, no column holds anything, or the weights ran away.
    """
    del jobs
    torch = imported_torch()
    inputs = inputs_of(matrix, labels, classes, options.columns)
    start = started_from(options.checkpoint, inputs, names) if options.checkpoint and inputs.columns.size else None
    grams, numbers, present = inputs.split(matrix)
    counted = grams.as_matrix()
    counted.sort_indices()
    rows = _Rows(counted, numbers, present, labels.astype(np.int64), importance(labels, classes, options.balance))
    heads, width = (start.heads, start.width) if start else (options.heads, options.width)
    sizes = Sizes(inputs.columns.size, inputs.dense.size, heads, width, classes)
    with repeatable(torch):
        arrays = _fitted(torch, rows, sizes, start, options, seed)
    return NeuralScorer.of(inputs, arrays)


def _fitted(
    torch: Any, rows: _Rows, sizes: Sizes, start: Start | None, options: DeepOptions, seed: int
) -> dict[str, Floats]:
    generator = np.random.default_rng(seed)
    arrays = first_arrays(sizes, generator)
    if start:
        start.put_into(arrays)
    learnt, held = _halves(rows.labels.size, options.patience, generator)
    net = Net(torch, sizes, arrays, "cuda" if torch.cuda.is_available() else "cpu", generator)
    optimiser = torch.optim.AdamW(net.weights.values(), lr=options.rate, weight_decay=options.decay)
    steps = options.epochs * math.ceil(learnt.size / options.batch)
    best, best_loss, best_epoch, step = arrays, math.inf, 0, 0
    for epoch in range(options.epochs):
        order = generator.permutation(learnt)
        for first in range(0, order.size, options.batch):
            for group in optimiser.param_groups:
                group["lr"] = options.rate * _rate(step, steps)
            optimiser.zero_grad()
            loss = _loss(torch, net, rows, np.sort(order[first : first + options.batch]), options, learning=True)
            loss.backward()
            optimiser.step()
            step += 1
        if held.size:
            with torch.no_grad():
                held_loss = _held_loss(torch, net, rows, held, options)
            if held_loss < best_loss:
                best, best_loss, best_epoch = net.arrays(), held_loss, epoch
            elif epoch - best_epoch >= options.patience:
                break
    found = best if held.size else net.arrays()
    if not all(np.isfinite(array).all() for array in found.values()):
        raise TrainingError("The net's weights ran away from all numbers.", hint="Give a smaller rate.")
    return found


def _loss(torch: Any, net: Net, rows: _Rows, places: NDArray[np.intp], options: DeepOptions, *, learning: bool) -> Any:
    """Return the mean over some rows of the sum of the heads' losses."""
    hidden = Hidden(options.gram_dropout, options.side_dropout, options.dropout) if learning else Hidden()
    batch = net.batch(rows.grams[places], rows.numbers[places], rows.present[places], hidden)
    outputs = net.outputs(batch, hidden)
    heads, count, classes = outputs.shape
    labels = torch.from_numpy(np.tile(rows.labels[places], heads)).to(outputs.device)
    losses = torch.nn.functional.cross_entropy(
        outputs.reshape(heads * count, classes), labels, label_smoothing=options.smoothing, reduction="none"
    )
    counts = torch.from_numpy(np.tile(rows.counts[places], heads)).to(outputs.device)
    return (losses * counts).sum() / count


def _held_loss(torch: Any, net: Net, rows: _Rows, held: NDArray[np.intp], options: DeepOptions) -> float:
    total = 0.0
    for first in range(0, held.size, _AT_ONCE):
        some = held[first : first + _AT_ONCE]
        total += some.size * float(_loss(torch, net, rows, some, options, learning=False))
    return total / held.size


def _rate(step: int, steps: int) -> float:
    """Return the share of the full rate: rising over the first tenth of the steps, falling to nothing as a cosine."""
    return min(1.0, (step + 1) / min(_WARM_UP * steps, _LONGEST_WARM_UP)) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _halves(rows: int, patience: int, generator: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows to learn from and those held back, each rising; none are held back without patience."""
    if not patience:
        return np.arange(rows), np.arange(0)
    order = generator.permutation(rows)
    cut = int(rows * _HELD_BACK)
    return np.sort(order[cut:]), np.sort(order[:cut])
