"""`aisle backup` and `aisle restore`: everything that cannot be made again, in a folder and back."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from aisle.bootstrap import Application, open_application
from aisle.cli.screen import progress, say
from aisle.errors import BackupError
from aisle.storage.objects import Bucket

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+:-]{0,127}")

_Buckets = Annotated[list[str] | None, typer.Option("--bucket", help="A further bucket, as MLflow's; may be repeated.")]


def backup(
    folder: Annotated[Path, typer.Argument(help="Where backups go, each into a folder of its own.")],
    name: Annotated[
        str | None, typer.Option(help="The backup's name; one that is there is kept.  [default: the time]")
    ] = None,
    keep: Annotated[int | None, typer.Option(min=1, help="Remove all but so many of the newest backups.")] = None,
    bucket: _Buckets = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the backup's folder and nothing else.")] = False,
) -> None:
    """Write every row and object into a folder; the same content is kept once for all backups in it.

    `aisle restore FOLDER/NAME` brings them back, also into another kind of database or object store.
    """
    from aisle.storage.backup import prune_backups, write_backup

    name = name or f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    if not _NAME.fullmatch(name):
        raise BackupError(f"{name!r} is no name of a backup.", hint="Use letters, digits and . _ + : - only.")
    with open_application() as application, progress() as report:
        options = application.settings.objects
        written = write_backup(
            folder, name, application.database, _buckets(application, bucket), concurrency=options.concurrency, report=report
        )
        gone = prune_backups(folder, keep) if keep else []
    if quiet:
        typer.echo(str(written.path))
        return
    rows = sum(table.lines for table in written.tables.values())
    objects = sum(held.lines for held in written.buckets.values())
    say(f"Backup {escape(str(written.path))}: {rows:,} rows, {objects:,} objects.")
    say(f"Digest {written.digest}")
    if gone:
        say(f"Removed: {escape(', '.join(gone))}")


def restore(
    path: Annotated[Path, typer.Argument(help="The backup's folder: the one that holds manifest.json.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only read the backup to its last byte, and change nothing.")
    ] = False,
    bucket: _Buckets = None,
) -> None:
    """Bring a backup back into an empty database and its objects into their buckets, and compare all digests."""
    from aisle.storage.backup import check_backup, read_manifest, restore_backup

    found = read_manifest(path)
    with open_application() as application, progress() as report:
        if check:
            check_backup(found, report=report)
        else:
            application.unchecked_database.migrate()
            buckets = _buckets(application, bucket)
            for held in buckets:
                application.objects.create_bucket(held.name)
            concurrency = application.settings.objects.concurrency
            restore_backup(found, application.database, buckets, concurrency=concurrency, report=report)
    say(f"{'Whole' if check else 'Restored'}: {escape(str(path))}")
    say(f"Digest {found.digest}")


def _buckets(application: Application, further: list[str] | None) -> list[Bucket]:
    return [application.images, application.artifacts, *(application.objects.bucket(name) for name in further or ())]
