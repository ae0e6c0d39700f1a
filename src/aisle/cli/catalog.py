"""`aisle catalog`: getting products in, looking at them, freezing them."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from aisle.bootstrap import open_application
from aisle.cli.screen import ERR, progress, say, table
from aisle.errors import InputError
from aisle.pipeline.messages import IngestOutput, SnapshotInput

app = typer.Typer(help="Take catalogues in, look at them, freeze them.", no_args_is_help=True)

_MAPPING_HELP = "A `catalog.toml` that says which columns are what; see docs/how-to/another-catalogue.md."


@app.command("download")
def download(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    force: Annotated[bool, typer.Option("--force", help="Fetch files again that are there and good.")] = False,
) -> None:
    """Fetch the Rakuten France challenge with your own login.

    Log in at the challenge's site with a browser, copy the cookies `sessionid` and `csrftoken`, and set
    AISLE_CATALOG_SESSIONID and AISLE_CATALOG_CSRFTOKEN. A download that broke off is resumed; a file that is there is
    replaced only by one that has passed every check.
    """
    from aisle.catalog.download import download_challenge

    with open_application() as application, progress() as report:
        seen: dict[str, int] = {}

        def tell(name: str, done: int, total: int | None) -> None:
            report(name, done - seen.get(name, 0), total or 0)
            seen[name] = done

        files = download_challenge(folder, application.settings.catalog, force=force, progress=tell)
    table(
        "Files",
        ("file", "bytes", "rows", "state"),
        [(f.name, f.size, f.rows, f.state) for f in files],
        numbers=("bytes", "rows"),
    )
    say(f"Next: aisle pipeline run {escape(str(folder))}")


@app.command("unpack")
def unpack(
    archive: Annotated[Path, typer.Argument(help="A zip file of images.")],
    folder: Annotated[
        Path | None, typer.Argument(help="A new or empty folder; it appears when everything is in it.")
    ] = None,
    limit_gb: Annotated[int, typer.Option(min=1, help="Most gigabytes that everything together may take.")] = 20,
    keep: Annotated[bool, typer.Option("--keep", help="Be content with a folder that holds as many files already.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only look through the archive's directory; no folder.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the number of files and nothing else.")] = False,
) -> None:
    """Unpack images safely, for other programs: names that lead outside, links, bombs and damage are refused.

    Ingest does not need it: it reads `images.zip` as it is.
    """
    from aisle.catalog.unpack import count_files
    from aisle.catalog.unpack import unpack as run

    if (folder is None) != check:
        raise InputError("Give either a folder or --check.", hint="`aisle catalog unpack --help` shows both.")
    with open_application() as application:
        largest = application.settings.catalog.max_image_bytes
        if folder is None:
            files = count_files(archive)
        else:
            files = run(archive, folder, max_total_bytes=limit_gb * 10**9, max_member_bytes=largest, keep=keep)
    if quiet:
        typer.echo(files)
    elif folder is None:
        say(f"{escape(str(archive))} holds {files:,} files.")
    else:
        say(f"Unpacked {files:,} files into {escape(str(folder))}.")


@app.command("sample")
def sample(
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    rows: Annotated[
        int, typer.Option(min=1, help="Training rows; test rows come on top in the challenge's proportion.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed writes the same rows.")] = 0,
    images: Annotated[bool, typer.Option(help="Draw an image for each product.")] = True,
) -> None:
    """Write a made-up catalogue in the challenge's layout, for demos and load tests.

    27 classes in their real shares, missing descriptions, HTML, mojibake, five languages, wrong labels, near duplicates.
    """
    from aisle.catalog.sample import write_sample

    with progress() as report:
        made = 0

        def tell(done: int, total: int) -> None:
            nonlocal made
            report("writing", done - made, total)
            made = done

        written = write_sample(folder, rows=rows, seed=seed, images=images, progress=tell)
    say(f"Wrote {written.rows:,} training rows, {written.test_rows:,} test rows and {written.images:,} images.")
    say(f"Next: aisle pipeline run {escape(str(folder))} --share 1")


@app.command("ingest")
def ingest(
    source: Annotated[Path, typer.Argument(help="The folder that holds the catalogue's files; never modified.")],
    name: Annotated[str | None, typer.Option(help="The name to keep it under.  [default: the folder's]")] = None,
    mapping: Annotated[Path | None, typer.Option(help=_MAPPING_HELP)] = None,
    share: Annotated[float, typer.Option(help="Share of each file's rows to have in the end.")] = 0.2,
    next_rows: Annotated[
        int | None, typer.Option("--next", min=1, help="Instead of a share, take so many rows more.")
    ] = None,
    sample: Annotated[
        Literal["head", "stratified"], typer.Option(help="Rows as they stand, or in the classes' shares.")
    ] = "head",
) -> None:
    """Take a catalogue in: rows to the database, images to the object store.

    Reads the challenge's files as they are, and any CSV, Parquet or JSON Lines file through a mapping:

        [files]
        train = "products.csv"
        [columns]
        id = "sku"                # or "@row" where there is no id
        title = "name"
        label = ["department", "aisle"]

    It can be stopped at any moment and run again; what cannot be used is kept with its reason (`aisle catalog rejects`).
    """
    from aisle.pipeline.local import run_step

    given = {
        "folder": source,
        "name": name,
        "mapping": mapping,
        "share": share,
        "next_rows": next_rows,
        "sample": sample,
    }
    with open_application() as application, progress() as report:
        done = IngestOutput.model_validate(run_step(application.context(report), "ingest", given).output)
    rows = [(split, done.rows[split], done.images[split]) for split in done.rows]
    table(f"Catalogue {done.source}", ("split", "products", "with image"), rows, numbers=("products", "with image"))
    if done.rejected:
        say(f"{done.rejected:,} rows or images could not be used: `aisle catalog rejects --source {done.source}`.")
    if done.exhausted:
        say("Every row of the source has been taken.")


@app.command("loads")
def loads(source: Annotated[str | None, typer.Option(help="Only this catalogue.")] = None) -> None:
    """Show the load ledger: what was taken in, from which files, and how it ended."""
    from aisle.catalog.loads import list_loads, require_source

    with open_application() as application:
        require_source(application.database, source)
        entries = list_loads(application.database, source=source)
    columns = (
        "load",
        "source",
        "split",
        "files",
        "expected",
        "loaded",
        "unchanged",
        "rejected",
        "images",
        "bad images",
        "state",
    )
    rows = [
        (
            e.id,
            e.source,
            e.split,
            e.digest[:12],
            e.rows_expected,
            e.rows_loaded,
            e.rows_unchanged,
            e.rows_rejected,
            e.images_loaded,
            e.images_rejected,
            e.state,
        )
        for e in entries
    ]
    table("Loads", columns, rows, numbers=columns[4:10])


@app.command("rejects")
def rejects(
    source: Annotated[str | None, typer.Option(help="Only this catalogue.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Examples to show.")] = 20,
) -> None:
    """Show what could not be used: how much of it and why, then examples."""
    from aisle.catalog.loads import require_source
    from aisle.catalog.rejects import REASONS, count_rejects, list_rejects

    with open_application() as application:
        require_source(application.database, source)
        counted = count_rejects(application.database, source=source)
        found = list_rejects(application.database, source=source, limit=limit)
    if not counted:
        say("Nothing was rejected.")
        return
    counts = [(c.source, c.kind, c.reason, c.count, REASONS[c.reason]) for c in counted]
    table("Rejects", ("source", "kind", "reason", "count", "meaning"), counts, numbers=("count",))
    examples = [(r.source, r.split, r.row, r.product_id, r.reason, r.detail, (r.raw or "")[:80]) for r in found]
    if examples:
        table("Examples", ("source", "split", "row", "id", "reason", "detail", "raw"), examples, numbers=("row",))


@app.command("snapshot")
def snapshot(
    source: Annotated[list[str] | None, typer.Option(help="Only these catalogues; may be repeated.")] = None,
) -> None:
    """Freeze the catalogue as it is now; its digest is the data version."""
    from aisle.pipeline.steps import snapshot as run

    with open_application() as application:
        frozen = run(application.context(), SnapshotInput(sources=tuple(source or ())))
    say(f"Snapshot {frozen.snapshot}")
    say(f"{frozen.rows:,} products, {frozen.labelled:,} of them labelled, {frozen.classes:,} classes.")
    say(f"Next: aisle train --snapshot {frozen.snapshot[:12]}")


@app.command("snapshots")
def snapshots() -> None:
    """List the snapshots, newest first."""
    from aisle.catalog.snapshot import list_snapshots

    with open_application() as application:
        frozen = list_snapshots(application.database)
    rows = [(s.digest[:12], s.rows, s.labelled, len(s.classes), ", ".join(s.sources), at) for s, at in frozen]
    table(
        "Snapshots",
        ("digest", "products", "labelled", "classes", "sources", "frozen"),
        rows,
        numbers=("products", "labelled", "classes"),
    )


@app.command("stats")
def stats(source: Annotated[str | None, typer.Option(help="Only this catalogue.")] = None) -> None:
    """Show what the catalogue holds: classes, missing values, languages, duplicates."""
    from aisle.catalog.categories import category_name
    from aisle.catalog.loads import require_source
    from aisle.monitoring.overview import overview

    with open_application() as application, progress() as report:
        require_source(application.database, source)
        seen = overview(application.database, source=source, progress=lambda done, total: report("reading", done, total))
    table(
        "Fields",
        ("field", "missing", "share", "median length", "longest"),
        [(f.name, f.missing, f.missing / max(seen.products, 1), f.median, f.longest) for f in seen.fields],
        numbers=("missing", "share", "median length", "longest"),
    )
    table(
        "Languages",
        ("language", "products", "share"),
        [(k, v, v / max(seen.products, 1)) for k, v in seen.languages.items()],
        numbers=("products", "share"),
    )
    classes = [(code, category_name(code), n, n / max(seen.labelled, 1)) for code, n in seen.classes.items()]
    table("Classes", ("code", "name", "products", "share"), classes[:40], numbers=("products", "share"))
    if len(classes) > 40:
        say(f"… and {len(classes) - 40:,} rarer classes, down to {classes[-1][2]:,} products.")
    say(
        f"{seen.products:,} products, {seen.labelled:,} labelled; {seen.duplicates:,} repeat an earlier title;"
        f" {seen.conflicts:,} titles stand under several labels."
    )
    ERR.print("Only what is in the catalogue is counted; `aisle catalog rejects` shows the rest.")
