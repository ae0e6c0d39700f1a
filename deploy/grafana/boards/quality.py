"""The board of data quality: what the rows of the window are like, and what ingest could not use."""

from deploy.grafana.boards.panels import Board, bars, choice, figure, level, levels, lines

_CHOSEN = 'column=~"$column", measure=~"$measure"'


def board() -> Board:
    """Return the board."""
    found = Board(
        "aisle-quality",
        "data quality",
        "What is the data like, and what has become of it?",
        choice("column", "aisle_quality", "Columns."),
        choice("measure", "aisle_quality", "Measures."),
    )
    found.row(
        "Now",
        level("Data quality", "What the policy makes of it.", 'max(aisle_monitor_state{family="quality"})', span=6),
        figure("Rows in the window", "Answers that were looked at.", "none", "max(aisle_monitor_window_rows)", span=6),
        figure(
            "Not judged",
            "Measures for which there were too few rows, or none.",
            "none",
            'max(aisle_monitor_unknown{family="quality"})',
            span=6,
        ),
        figure("Last look", "Ago.", "s", "max(job:aisle_monitor_age:seconds)", span=6),
    )
    found.row(
        "By column",
        bars(
            "Null values ratio", "Rows without a value.", "percentunit", 'aisle_quality{measure="null_ratio"}', "{{column}}"
        ),
        bars(
            "Outliers ratio",
            "Values far outside the training rows' quartiles.",
            "percentunit",
            'aisle_quality{measure="outlier_ratio"}',
            "{{column}}",
        ),
        bars(
            "Unseen categories",
            "Rows in categories that the training rows have not.",
            "percentunit",
            'aisle_quality{measure="unseen_ratio"}',
            "{{column}}",
        ),
        bars(
            "Unbalance ratio",
            "Rows of the commonest category over those of the rarest.",
            "none",
            'aisle_quality{measure="imbalance_ratio"}',
            "{{column}}",
        ),
        bars(
            "Suspicious correlations",
            "Cramér's V with the label: a property that alone tells the label is suspicious.",
            "none",
            'aisle_quality{measure="cramers_v"}',
            "{{column}}",
        ),
        bars("Medians", "Of numbers, in their own units.", "none", 'aisle_quality{measure="median"}', "{{column}}"),
    )
    found.row(
        "Over time",
        lines(
            "Chosen columns and measures",
            "Each in its own unit: choose one measure to compare.",
            "none",
            (f"aisle_quality{{{_CHOSEN}}}", "{{column}} {{measure}}"),
            span=24,
        ),
        levels(
            "What the policy made of them",
            "By column, the worst measure.",
            'max by (column) (aisle_quality_state{column=~"$column"})',
            "{{column}}",
        ),
    )
    found.row(
        "The catalogue",
        lines(
            "Rows by what became of them",
            "Of all loads.",
            "none",
            ("sum by (source, outcome) (aisle_load_rows_total)", "{{source}} {{outcome}}"),
        ),
        lines(
            "Images by what became of them",
            "Of all loads.",
            "none",
            ("sum by (source, outcome) (aisle_load_images_total)", "{{source}} {{outcome}}"),
        ),
        bars(
            "Rejects",
            "Rows and images on record as rejected, by why.",
            "none",
            "aisle_rejects or on () vector(0)",
            "{{kind}} {{reason}}",
            span=24,
        ),
    )
    return found
