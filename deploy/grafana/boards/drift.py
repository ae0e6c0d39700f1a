"""The board of drift: how far the answers are from the training rows, beside what chance gives and the policy minds."""

from deploy.grafana.boards.panels import Board, band, bars, choice, figure, level, levels, lines

_ONE = 'column=~"$column", measure=~"$measure"'


def board() -> Board:
    """Return the board."""
    found = Board(
        "aisle-drift",
        "drift",
        "Has what comes in changed, and does it matter?",
        choice("column", "aisle_drift", "Columns."),
        choice("measure", "aisle_drift_null_high", "Measures."),
    )
    found.row(
        "Now",
        level("All of monitoring", "The last run's state.", 'max(aisle_monitor_state{family="all"})'),
        level("Drift", "The worst column.", 'max(aisle_monitor_state{family="drift"})'),
        figure(
            "Columns to act on",
            "Columns with a measure that the policy acts on.",
            "none",
            "count(max by (column) (aisle_drift_state) == 2) or on () vector(0)",
        ),
        figure("Answers looked at", "In the last run's window.", "none", "max(aisle_monitor_window_rows)"),
        figure("Training rows", "That they were held against.", "none", "max(aisle_monitor_reference_rows)"),
        figure(
            "Reference",
            "The version whose training rows they are.",
            "none",
            "max by (model_version) (aisle_monitor_info)",
            legend="{{model_version}}",
        ),
    )
    found.row(
        "Columns",
        bars(
            "Beyond chance",
            "PSI over the upper end of its null band: above 1 is more than chance gives.",
            "none",
            'aisle_drift{measure="psi"} / (aisle_drift_null_high{measure="psi"} > 0)',
            "{{column}}",
        ),
        bars(
            "Jensen-Shannon distance",
            "Base 2: 0 the same, 1 nothing in common.",
            "none",
            'aisle_drift{measure="js"}',
            "{{column}}",
        ),
        bars(
            "KL divergence",
            "Of the window from the training rows, in nats.",
            "none",
            'aisle_drift{measure="kl"}',
            "{{column}}",
        ),
        lines(
            "Domain classifier",
            "How well the window is told from the training rows: 0.5 not at all. With its 95 % interval.",
            "none",
            ('aisle_drift{measure="auc"}', "{{column}}"),
            ('aisle_drift_low{measure="auc"}', "{{column}}, low"),
            ('aisle_drift_high{measure="auc"}', "{{column}}, high"),
        ),
        lines(
            "Discrepancy (MMD)",
            "How far the window's titles and images lie from the training rows, squared, and what chance alone reaches.",
            "none",
            ('aisle_drift{measure="mmd"}', "{{column}}"),
            ('aisle_drift_null_high{measure="mmd"}', "{{column}}, by chance"),
        ),
        levels(
            "What the policy made of each column",
            "Its worst measure.",
            'max by (column) (aisle_drift_state{column=~"$column"})',
            "{{column}}",
            span=12,
        ),
    )
    found.row(
        "Each column beside its null band",
        band(
            "$column",
            "Inside the band is what chance gives for so many rows; beyond the threshold is what the policy minds.",
            f"aisle_drift{{{_ONE}}}",
            f"aisle_drift_null_low{{{_ONE}}}",
            f"aisle_drift_null_high{{{_ONE}}}",
            f"aisle_drift_threshold{{{_ONE}}}",
            repeat="column",
        ),
    )
    found.row(
        "Rows",
        lines(
            "Rows in the window",
            "By column: few rows make a wide band.",
            "none",
            (f"aisle_drift_window_rows{{{_ONE}}}", "{{column}} {{measure}}"),
        ),
        lines(
            "Rows of the reference",
            "By column.",
            "none",
            (f"aisle_drift_reference_rows{{{_ONE}}}", "{{column}} {{measure}}"),
        ),
    )
    return found
