"""The net as torch computes it while it is fitted; `kernels.score_rows` computes the same without torch.

    n-grams  ->  sum of their embeddings  ->  norm, relu  --+--> joined -> hidden -> norm, relu -> + both sides -> classes
    numbers  ->  projection               ->  norm, relu  --+

Several such nets, the heads, lie side by side: what two of them get wrong differs, and their mean is better than one net
that is as large as all of them (Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep
ensembles", 2017). A norm is that of Ba et al., "Layer normalization", 2016.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_matrix

from aisle.models.deep.kernels import EPSILON
from aisle.models.deep.scorer import Sizes
from aisle.models.family import Floats

Tensor: TypeAlias = Any
"""A torch.Tensor, where torch is installed."""

_SMALL = 0.05


def first_arrays(sizes: Sizes, generator: np.random.Generator) -> dict[str, Floats]:
    """Return weights to begin with.

    Embeddings begin small: what an n-gram of few rows has not learnt would else be noise in every answer.

    Args:
        sizes: How large the net is.
        generator: Of the random numbers.
    """
    sides = (sizes.grams > 0) + (sizes.numbers > 0)
    spread = {
        "text_weights": _SMALL / np.sqrt(sizes.width),
        "image_weights": 1 / np.sqrt(max(sizes.numbers, 1)),
        "hidden_weights": 1 / np.sqrt(sides * sizes.width),
        "out_weights": 0.5 / np.sqrt(sizes.width),
    }
    arrays: dict[str, Floats] = {}
    for name, shape in sizes.shapes.items():
        if name in spread:
            arrays[name] = generator.standard_normal(shape, np.float32) * np.float32(spread[name])
        else:
            arrays[name] = np.full(shape, 1 if name.endswith("_gain") else 0, np.float32)
    return arrays


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows as a net takes them.

    Args:
        indices: N-grams of all rows, one row's behind the other's, (entries,).
        offsets: Where each row's begin, (rows,).
        values: What each counts, (entries,).
        numbers: Standardised numbers of the images, (rows, numbers).
        text: What the text counts: 1, or 0 where it is hidden from the net, (rows, 1, 1).
        image: What the image counts: 0 where there is none, or where it is hidden, (rows, 1, 1).
    """

    indices: Tensor
    offsets: Tensor
    values: Tensor
    numbers: Tensor
    text: Tensor
    image: Tensor


@dataclass(frozen=True)
class Hidden:
    """What is hidden from a net while it learns, each a share.

    Args:
        grams: Of a row's n-grams.
        sides: Of the rows with both, the image, and of others the text.
        units: Of the units of each layer.
    """

    grams: float = 0.0
    sides: float = 0.0
    units: float = 0.0


class Net:
    """A net that is being fitted.

    Args:
        torch: The module.
        sizes: How large the net is.
        arrays: Weights to begin with.
        device: Where it computes.
        generator: Of what is hidden; the same on every device.
    """

    def __init__(
        self, torch: Any, sizes: Sizes, arrays: Mapping[str, Floats], device: str, generator: np.random.Generator
    ) -> None:
        self._torch = torch
        self._sizes = sizes
        self._device = device
        self._generator = generator
        self.weights: dict[str, Tensor] = {
            name: torch.tensor(array, device=device, requires_grad=True) for name, array in arrays.items()
        }

    def arrays(self) -> dict[str, Floats]:
        """Return the weights as they are now."""
        return {name: weights.detach().cpu().numpy().copy() for name, weights in self.weights.items()}

    def batch(self, grams: csr_matrix, numbers: Floats, present: Floats, hidden: Hidden) -> Batch:
        """Return some rows as the net takes them.

        Args:
            grams: Their n-grams, (rows, n-grams).
            numbers: Standardised numbers of their images, (rows, numbers).
            present: Whether they have an image, (rows,).
            hidden: What of them is hidden.
        """
        values = grams.data
        if hidden.grams:
            kept = self._generator.random(values.size, np.float32) >= hidden.grams
            values = values * (kept / np.float32(1 - hidden.grams)).astype(np.float32)
        text, image = np.ones_like(present), present
        if hidden.sides and self._sizes.grams and self._sizes.numbers:
            drawn = self._generator.random(present.size, np.float32)
            both = (present > 0) & (np.diff(grams.indptr) > 0)
            text = np.where(both & (drawn < hidden.sides), 0, text).astype(np.float32)
            image = np.where(both & (drawn > 1 - hidden.sides), 0, image).astype(np.float32)
        return Batch(
            self._tensor(grams.indices.astype(np.int64)),
            self._tensor(grams.indptr[:-1].astype(np.int64)),
            self._tensor(values),
            self._tensor(numbers),
            self._tensor(text[:, np.newaxis, np.newaxis]),
            self._tensor(image[:, np.newaxis, np.newaxis]),
        )

    def outputs(self, batch: Batch, hidden: Hidden) -> Tensor:
        """Return each head's scores, (heads, rows, classes).

        Args:
            batch: Some rows.
            hidden: What of the layers is hidden.
        """
        functions = self._torch.nn.functional
        weights, sizes = self.weights, self._sizes
        rows = batch.offsets.shape[0]
        text = image = self._torch.zeros((rows, sizes.heads, sizes.width), device=self._device)
        if sizes.grams:
            summed = functions.embedding_bag(
                batch.indices, weights["text_weights"], batch.offsets, mode="sum", per_sample_weights=batch.values
            )
            text = self._side(summed, "text", hidden) * batch.text
        if sizes.numbers:
            image = self._side(batch.numbers @ weights["image_weights"], "image", hidden) * batch.image
        joined = self._torch.cat([text, image], dim=2).transpose(0, 1)
        middle = self._normed(self._torch.bmm(joined, weights["hidden_weights"]), "hidden")
        middle = self._thinned(middle, hidden.units) + (text + image).transpose(0, 1)
        return self._torch.bmm(middle, weights["out_weights"]) + weights["out_bias"].unsqueeze(1)

    def _side(self, summed: Tensor, name: str, hidden: Hidden) -> Tensor:
        shape = (self._sizes.heads, self._sizes.width)
        units = (summed + self.weights[f"{name}_bias"]).view(-1, *shape).transpose(0, 1)
        gain, shift = (self.weights[f"{name}_{kind}"].view(shape) for kind in ("gain", "shift"))
        normed = self._torch.nn.functional.layer_norm(units, shape[1:], eps=EPSILON) * gain.unsqueeze(1) + shift.unsqueeze(1)
        return self._thinned(normed.relu(), hidden.units).transpose(0, 1)

    def _normed(self, units: Tensor, name: str) -> Tensor:
        gain, shift = self.weights[f"{name}_gain"].unsqueeze(1), self.weights[f"{name}_shift"].unsqueeze(1)
        normed = self._torch.nn.functional.layer_norm(units, (self._sizes.width,), eps=EPSILON)
        return (normed * gain + shift).relu()

    def _thinned(self, units: Tensor, share: float) -> Tensor:
        if not share:
            return units
        # Drawn by numpy, for torch's own numbers differ between the CPU and a GPU.
        kept = self._generator.random(tuple(units.shape), np.float32) >= share
        return units * self._tensor((kept / np.float32(1 - share)).astype(np.float32))

    def _tensor(self, array: Any) -> Tensor:
        return self._torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
