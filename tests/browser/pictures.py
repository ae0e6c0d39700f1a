"""Pictures for the documents: small ones of few colours, written only where `AISLE_SCREENSHOTS` names their folder."""

import os
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

SIZE = {"width": 1000, "height": 700}
PHONE = {"width": 390, "height": 780}
_COLOURS = 96
# Asked for here: while a test runs, it sees no setting of the machine.
_FOLDER = os.environ.get("AISLE_SCREENSHOTS")


def picture(page: Any, name: str, *, height: int | None = None) -> None:
    """Keep a picture of what a browser shows.

    Args:
        page: The browser's page.
        name: What the picture is called.
        height: How high the browser's window is made for it; as it is by default.
    """
    if not _FOLDER:
        return
    if height is not None:
        page.set_viewport_size({**page.viewport_size, "height": height})
    page.mouse.move(0, 0)
    shown = Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    Path(_FOLDER).mkdir(parents=True, exist_ok=True)
    shown.quantize(_COLOURS, dither=Image.Dither.NONE).save(Path(_FOLDER, f"console-{name}.png"), optimize=True)
