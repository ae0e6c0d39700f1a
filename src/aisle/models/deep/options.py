"""What the fit of a net is steered by, which options are worth a try, and what a fit costs."""

from dataclasses import dataclass, replace

from aisle.models.component import Modality
from aisle.models.options import within

_FLOAT = 4
_FEW_STEPS = 200
_SMALL_BATCH = 32


@dataclass(frozen=True, slots=True)
class DeepOptions:
    """What the fit of a net is steered by; the defaults were chosen on products' titles in 27 classes.

    Args:
        columns: So many n-grams at most, those that tell most of the classes; numbers of images are all taken.
        heads: So many nets lie side by side and answer by their mean.
        width: Units of each layer of one of them; heads times width are the numbers of an n-gram's embedding.
        epochs: How often each row is taken.
        batch: So many rows make a step.
        rate: How long a step is, at its longest.
        decay: What the weights shrink by in a step, times the rate.
        balance: 0 counts every row alike, 1 every class alike.
        smoothing: Share of each row's target that is spread over all classes, against wrong labels.
        gram_dropout: Share of a row's n-grams that are hidden in each step.
        side_dropout: Share of rows whose image is hidden in each step, and of those whose text is, where there are both.
        dropout: Share of the units of each layer that are hidden in each step.
        patience: Epochs without improvement on a tenth of the rows, held back, after which no more follow, and the best
            counts; 0 holds back nothing and always takes all epochs.
        checkpoint: Folder of a checkpoint to begin with: its embeddings of n-grams, heads and width; empty for none. What
            looks at images alone always begins anew.

    Raises:
        ModelError: A number makes no sense.
    """

    columns: int = 30_000
    heads: int = 4
    width: int = 48
    epochs: int = 4
    batch: int = 128
    rate: float = 3e-3
    decay: float = 0.05
    balance: float = 0.5
    smoothing: float = 0.1
    gram_dropout: float = 0.3
    side_dropout: float = 0.15
    dropout: float = 0.3
    patience: int = 0
    checkpoint: str = ""

    def __post_init__(self) -> None:
        within(
            self,
            columns=(1, 1_000_000),
            heads=(1, 64),
            width=(2, 4_096),
            epochs=(1, 10_000),
            batch=(1, 65_536),
            rate=(1e-6, 1),
            decay=(0, 10),
            balance=(0, 1),
            smoothing=(0, 0.99),
            gram_dropout=(0, 0.95),
            side_dropout=(0, 0.45),
            dropout=(0, 0.95),
            patience=(0, 10_000),
        )

    def begun_with(self, checkpoint: str) -> "DeepOptions":
        """Return options for a net that begins with a checkpoint, in shorter steps: long ones undo what it knows.

        Args:
            checkpoint: Folder of the checkpoint.
        """
        return replace(self, checkpoint=checkpoint, rate=self.rate / 3)


def candidates(modality: Modality, rows: int, classes: int) -> tuple[DeepOptions, ...]:
    """Return options of nets, the best known first; of few rows, smaller batches and more epochs make enough steps."""
    del classes
    # A net on images alone has no n-grams to choose: the number only says so to the estimate of its cost.
    first = DeepOptions(epochs=10, columns=1) if modality == "image" else DeepOptions()
    if rows * first.epochs < _FEW_STEPS * first.batch:
        epochs = min(max(first.epochs, -(-_FEW_STEPS * _SMALL_BATCH // max(rows, 1))), 30)
        first = replace(first, batch=_SMALL_BATCH, epochs=epochs)
    return (
        first,
        replace(first, dropout=0.5, gram_dropout=0.2, epochs=first.epochs * 3 // 2),
        replace(first, balance=0.25),
        replace(first, smoothing=0.2),
        replace(first, columns=20_000) if modality != "image" else replace(first, width=96),
    )


def seconds(rows: int, nonzeros: int, classes: int, options: DeepOptions) -> float:
    """Return the seconds of a net on one core of a CPU: what each entry costs, and what the weights cost in each step."""
    units = options.heads * options.width
    steps = options.epochs * -(-rows // options.batch)
    layers = units * (3 * options.width + classes) + 2_000
    per_epoch = units * (1.2e-9 * nonzeros) + 1.5e-9 * rows * layers
    return 2.0 + options.epochs * per_epoch + steps * (2e-3 + 4e-9 * units * options.columns)


def memory(rows: int, nonzeros: int, columns: int, classes: int, options: DeepOptions) -> int:
    """Return the bytes of a net: torch itself, weights with slopes and two moments, n-grams once more, their statistics."""
    del rows
    units = options.heads * options.width
    weights = units * (min(options.columns, columns) + 3 * options.width + classes)
    return 300_000_000 + 6 * _FLOAT * weights + 8 * nonzeros + 16 * columns * classes
