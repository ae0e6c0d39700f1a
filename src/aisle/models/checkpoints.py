"""From a fitted classifier to a checkpoint: what its deep component has learnt about n-grams, for another training."""

from pathlib import Path

from aisle.errors import ModelError
from aisle.models.classifier import Classifier
from aisle.models.deep.names import column_names
from aisle.models.deep.scorer import NeuralScorer
from aisle.models.deep.start import save_checkpoint


def write_checkpoint(classifier: Classifier, folder: Path) -> str:
    """Write what a classifier's deep component has learnt about n-grams, and return the component's name.

    The one on text is taken before the one on text and image. No torch is needed.

    Args:
        classifier: The fitted classifier.
        folder: Where to; made where it is not there.

    Raises:
        ModelError: It has no deep component that looks at texts, or the folder cannot be written to.
    """
    space = classifier.text
    found = {
        component.modality: (component.name, component.scorer)
        for component in reversed(classifier.components)
        if isinstance(component.scorer, NeuralScorer) and component.scorer.inputs.columns.size
    }
    if space is None or not found:
        raise ModelError(
            "The classifier has no deep component that looks at texts.",
            hint="Train with deep among the families, on text or on text and image.",
        )
    name, scorer = found.get("text") or found["both"]
    # The columns behind the n-grams, the image's, are no n-gram's whatever they are.
    columns = max(space.width, int(scorer.inputs.columns[-1]) + 1)
    save_checkpoint(scorer, column_names(space, columns), folder)
    return name
