"""`aisle doctor`: whether everything that it leans on is well."""

from dataclasses import asdict
from typing import Annotated

import typer

from aisle.bootstrap import open_application
from aisle.cli.screen import JSON, say, say_json, table


def doctor(as_json: Annotated[bool, JSON] = False) -> None:
    """Look at everything that aisle leans on, and say what to do where it is not well.

    Secrets, database and schema, both buckets (an object is written, read and removed), MLflow, champion, port, disk and
    memory. The status is 1 when something has failed.
    """
    from aisle.pipeline.checkup import examine

    with open_application() as application:
        found = list(examine(application.settings, application.unchecked_database, application.objects))
    failed = sum(finding.state == "failed" for finding in found)
    if as_json:
        say_json([asdict(finding) for finding in found])
    else:
        rows = [(finding.name, finding.state, finding.detail, finding.remedy) for finding in found]
        table("Check-up", ("what", "state", "seen", "what to do"), rows)
        say(f"{failed} of {len(found)} failed." if failed else "Nothing is in the way.")
    if failed:
        raise typer.Exit(1)
