"""`aisle predict`: answers for a file, or for a split of the catalogue."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer
from rich.markup import escape

from aisle.bootstrap import open_application
from aisle.cli.screen import ERR, progress, say, table
from aisle.errors import InputError


def predict(
    file: Annotated[Path | None, typer.Argument(help="CSV, Parquet or JSON Lines with a title or a description.")] = None,
    split: Annotated[
        Literal["train", "test"] | None, typer.Option(help="Instead of a file, a split of the catalogue.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="The catalogue, where several have that split.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where answers go: .csv, .parquet or .jsonl.  [default: a table here]")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="An archive or folder of images for the file's rows.")] = None,
    top: Annotated[int, typer.Option(min=1, max=50, help="Categories to give for each product of a file.")] = 1,
    version: Annotated[int | None, typer.Option(help="A registered version.  [default: the champion]")] = None,
) -> None:
    """Classify the products of a file, or of a split that was ingested.

    A file needs a column `title` (or `designation`, `name`) or `description`; `id`, `brand` and `image` are used where they
    are. `--split test --out submission.csv` writes the challenge's submission format.
    """
    from aisle.pipeline.scoring import score_file, score_split

    if (file is None) == (split is None):
        raise InputError("Give either a file or --split.", hint="`aisle predict --help` shows both.")
    if split is not None and out is None:
        raise InputError("--split needs --out FILE.", hint="Name the file to write, as in --out submission.csv.")
    if split is not None and (images is not None or top != 1):
        raise InputError(
            "--images and --top go with a file.",
            hint="A split has the images that were ingested with it, and one answer for each product.",
        )
    if file is not None and source is not None:
        raise InputError("--source goes with --split.", hint="A file is read from where it lies.")
    with (
        open_application() as application,
        progress() as report,
        TemporaryDirectory(prefix="aisle-answers-") as folder,
    ):
        context = application.context(report)
        bundle = context.bundle(application.bundle_digest(version))
        target = out or Path(folder) / "answers.parquet"
        if file is not None:
            done = score_file(context, bundle, file, target, images=images, top=top)
        else:
            done = score_split(context, bundle, str(split), target, source=source)
        if out is None:
            _show(target, top)
    if images is not None and "image" not in bundle.modalities:
        ERR.print("The model answers from text alone; the images were not looked at.")
    if out is not None:
        say(f"Wrote {done.rows:,} answers to {escape(str(out))}.")
    for count, what in (
        (done.unread, "rows of the file could not be read and have no answer"),
        (done.without_image, "images were named but could not be had; those answers rest on text alone"),
        (done.missing, "rows of the split were refused by ingest and have no answer (`aisle catalog rejects`)"),
    ):
        if count:
            ERR.print(f"{count:,} {what}.")


def _show(path: Path, top: int) -> None:
    import polars as pl

    frame = pl.read_parquet(path)
    rows = frame.head(50).iter_rows()
    table("Answers", frame.columns, rows, numbers=["confidence", *(f"confidence_{place}" for place in range(2, top + 1))])
    if frame.height > 50:
        say(f"… and {frame.height - 50:,} more; --out FILE writes them all.")
