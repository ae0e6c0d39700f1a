"""How an image becomes features, as numbers that a bundle carries."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aisle.errors import BundleError, ModelError
from aisle.features.image_frame import GEOMETRY
from aisle.features.image_layout import COLOURS, ORIENTATIONS, STEP, TONES
from aisle.features.image_moments import MOMENTS
from aisle.features.patches import WINDOW


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How an image becomes features; a bundle carries it.

    Args:
        decoded: Width and height of the decoded square, in pixels.
        size: Width and height of what is left within the border, in pixels, a multiple of 16.
        white: From this value of its darkest colour on, a pixel is white.
        directions: Principal directions of windows of edges that are kept.
        words: Windows in the dictionary.
        word_cells: Cells from side to side of the grid in which words are counted.
        colour_cells: The same of the grid of mean colours.
        shape_directions: Principal directions of words and edges that are kept.
        shape_landmarks: Images that an image's words and edges are compared with.
        shape_outputs: Columns that come of it.
        look_directions: Principal directions of colours and whole-image numbers that are kept.
        look_landmarks: Images that an image's colours and whole-image numbers are compared with.
        look_outputs: Columns that come of it.

    Raises:
        ModelError: A number makes no sense.
    """

    decoded: int = 128
    size: int = 64
    white: int = 245
    directions: int = 16
    words: int = 128
    word_cells: int = 3
    colour_cells: int = 8
    shape_directions: int = 160
    shape_landmarks: int = 800
    shape_outputs: int = 400
    look_directions: int = 128
    look_landmarks: int = 600
    look_outputs: int = 300

    def __post_init__(self) -> None:
        numbers = asdict(self).values()
        sound = (
            all(isinstance(number, int) and not isinstance(number, bool) and 0 < number <= 4_096 for number in numbers)
            and self.white <= 255
            and self.decoded <= 512
            and 16 <= self.size <= 256
            and self.size % 16 == 0
            and self.size % self.colour_cells == 0
            and self.directions <= WINDOW**2 * ORIENTATIONS
            and self.words <= 1_024
            and self.word_cells <= self.side
        )
        if not sound:
            raise ModelError(f"Image features cannot be made by {self}.", hint="Use the defaults.")

    @property
    def grid(self) -> int:
        """Cells from side to side in which edges are summed up."""
        return self.size // STEP

    @property
    def side(self) -> int:
        """Windows from side to side."""
        return self.grid - WINDOW + 1

    @property
    def blocks(self) -> dict[str, int]:
        """Numbers of each kind that describe an image, in their order."""
        return {
            "words": self.words * self.word_cells**2,
            "edges": ORIENTATIONS * (self.grid // 2) ** 2,
            "thumbnail": 3 * self.colour_cells**2,
            "colours": COLOURS,
            "tones": TONES,
            "moments": MOMENTS,
            "geometry": GEOMETRY,
        }

    def to_json(self) -> dict[str, int]:
        """Return the configuration as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ImageConfig":
        """Return the configuration that `to_json` gave.

        Raises:
            BundleError: It is not such a configuration.
        """
        try:
            return cls(**content)
        except (TypeError, ModelError) as error:
            raise BundleError(
                f"The configuration of the image features is damaged ({error}).",
                hint="Fetch the bundle again, or train again.",
            ) from error
