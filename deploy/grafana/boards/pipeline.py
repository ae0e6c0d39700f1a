"""The board of the pipeline: loads, snapshots, trainings, promotions, and what became of the retrainings asked for."""

from deploy.grafana.boards.panels import Board, bars, figure, lines, rows


def board() -> Board:
    """Return the board."""
    found = Board("aisle-pipeline", "pipeline", "From files to champion: what was done, when, and what came of it?")
    found.row(
        "Now",
        figure("Exporter", "1 while it reads the database.", "none", "min(aisle_exporter_up)"),
        figure("Figures are", "old; more than a minute is a database that is away.", "s", "max(aisle_exporter_age_seconds)"),
        figure(
            "Champion",
            "The version that the ledger names.",
            "none",
            "max by (model_version) (aisle_champion_info)",
            legend="{{model_version}}",
        ),
        figure("Promoted", "Ago.", "s", "time() - max(aisle_champion_promoted_timestamp_seconds)"),
        figure("Newest snapshot", "Ago.", "s", "time() - max(aisle_snapshot_timestamp_seconds)"),
        figure("Newest answer", "In the prediction log, ago.", "s", "time() - max(aisle_prediction_log_timestamp_seconds)"),
    )
    found.row(
        "Retraining on request",
        lines(
            "Requests by what became of them",
            "Failed, trained but not promoted, and promoted are three different things.",
            "none",
            ("aisle_retrain_requests", "{{state}}"),
        ),
        rows("The newest request", "1 for the state that it is in.", "aisle_retrain_last_state", span=6),
        figure(
            "Waiting",
            "How long the open request has waited; 0 while none is open.",
            "s",
            "time() - max(aisle_retrain_open_timestamp_seconds) or on () vector(0)",
            span=6,
        ),
        lines(
            "Monitoring runs",
            "Seconds that the last one took, and its age.",
            "s",
            ("max(aisle_monitor_run_seconds)", "took"),
            ("max(job:aisle_monitor_age:seconds)", "age"),
            span=24,
        ),
    )
    found.row(
        "Steps",
        bars(
            "Seconds of the newest run",
            "Of steps that are remembered by their input.",
            "s",
            "aisle_pipeline_step_seconds",
            "{{step}}",
            span=8,
        ),
        bars(
            "Age of the newest run",
            "Since it was put on record.",
            "s",
            "time() - aisle_pipeline_step_timestamp_seconds",
            "{{step}}",
            span=8,
        ),
        bars("Runs on record", "With different inputs.", "none", "aisle_pipeline_steps", "{{step}}", span=8),
    )
    found.row(
        "Loads and snapshots",
        lines(
            "Loads by state", "A load that runs and does not move is stuck.", "none", ("aisle_loads", "{{state}}"), span=8
        ),
        lines(
            "Rows by what became of them",
            "Of all loads.",
            "none",
            ("sum by (source, split, outcome) (aisle_load_rows_total)", "{{source}} {{split}} {{outcome}}"),
            span=8,
        ),
        bars("Last moved", "Ago.", "s", "time() - aisle_load_timestamp_seconds", "{{source}} {{split}}", span=8),
        lines("Snapshots", "Of the catalogue.", "none", ("max(aisle_snapshots)", "snapshots")),
        lines("Rows of the newest snapshot", "Products frozen.", "none", ("max(aisle_snapshot_rows)", "rows")),
    )
    found.row(
        "Versions",
        lines(
            "Registered versions",
            "Champion once, and never: the gate refused those, or nobody has asked it.",
            "none",
            ("aisle_models", "promoted: {{promoted}}"),
        ),
        lines("Promotions and rollbacks", "Rows of the ledger.", "none", ("aisle_promotions_total", "{{action}}")),
        lines(
            "The exporter's looks",
            "Seconds that the last took, and how many failed.",
            "none",
            ("max(aisle_exporter_look_seconds)", "seconds"),
            ("max(aisle_exporter_failures_total)", "failures"),
            span=24,
        ),
    )
    return found
