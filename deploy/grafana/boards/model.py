"""The board of the model: what it answers, how sure it is, how right, how old, and who stands beside it."""

from deploy.grafana.boards.panels import Board, bars, choice, figure, level, lines

_HERE = 'instance=~"$instance"'
_EVERY = f"{_HERE}}}[$__rate_interval]"


def board() -> Board:
    """Return the board."""
    products = f"scalar(sum(rate(aisle_products_total{{{_EVERY})))"
    swap = "sum by (variant) (aisle_model_swap_seconds"
    took = "sum by (variant) (rate(aisle_variant_seconds"
    sure = f"aisle_confidence_bucket{{{_EVERY}"
    found = Board(
        "aisle-model",
        "model",
        "What does it answer, is it right, and is it still the one that should?",
        choice("instance", "aisle_build_info", "Servers."),
    )
    found.row(
        "Champion",
        figure(
            "Served",
            "The version in service.",
            "none",
            f"max by (model_version) (aisle_build_info{{{_HERE}}})",
            legend="{{model_version}}",
        ),
        figure(
            "Champion",
            "The version that the ledger names.",
            "none",
            "max by (model_version) (aisle_champion_info)",
            legend="{{model_version}}",
        ),
        figure("Age of the model", "Since it was registered.", "s", "max(job:aisle_model_age:seconds)"),
        figure("Age of its data", "Since its snapshot was frozen.", "s", "max(job:aisle_data_age:seconds)"),
        figure(
            "Weighted F1",
            "On the gold rows of its training.",
            "percentunit",
            'max(aisle_champion_score{measure="weighted_f1"})',
        ),
        level("Performance", "What the policy makes of it.", 'max(aisle_monitor_state{family="performance"})'),
    )
    found.row(
        "Answers",
        lines(
            "Mix",
            "Share of each category in what was answered, over an hour.",
            "percentunit",
            ("code:aisle_products:share1h", "{{code}}"),
            stacked=True,
        ),
        lines(
            "Confidence",
            "Of answers: a tenth, half and nine tenths are less sure.",
            "percentunit",
            *((f"histogram_quantile({q}, sum by (le) (rate({sure})))", f"{q:.0%}") for q in (0.1, 0.5, 0.9)),
            ("avg(job:aisle_confidence:mean1h)", "mean, 1 h"),
        ),
        lines(
            "To be looked at",
            "Share of answers that a person should look at, by the reason.",
            "percentunit",
            (f"sum by (reason) (rate(aisle_reviews_total{{{_EVERY})) / {products}", "{{reason}}"),
            stacked=True,
        ),
        lines(
            "What answers rest on",
            "Share of products answered from text, image or both.",
            "percentunit",
            (f"sum by (modalities) (rate(aisle_modalities_total{{{_EVERY})) / {products}", "{{modalities}}"),
            stacked=True,
        ),
    )
    found.row(
        "Right, and changed",
        lines(
            "Accuracy",
            "From feedback, and estimated from confidence alone, with 95 % intervals.",
            "percentunit",
            ('aisle_performance{column="all", measure=~".*accuracy"}', "{{measure}}"),
            ('aisle_performance_low{column="all", measure=~".*accuracy"}', "{{measure}}, low"),
            ('aisle_performance_high{column="all", measure=~".*accuracy"}', "{{measure}}, high"),
        ),
        lines(
            "Feedback",
            "A second, by what was said.",
            "none",
            (f"sum by (verdict) (rate(aisle_feedback_total{{{_EVERY}))", "{{verdict}}"),
        ),
        *(
            lines(
                f"Drift of {told}",
                "PSI, beside where it lies when nothing has changed and what the policy minds.",
                "none",
                (f'aisle_drift{{column="{column}", measure="psi"}}', "psi"),
                (f'aisle_drift_null_low{{column="{column}", measure="psi"}}', "null low"),
                (f'aisle_drift_null_high{{column="{column}", measure="psi"}}', "null high"),
                (f'aisle_drift_threshold{{column="{column}", measure="psi"}}', "threshold"),
            )
            for column, told in (("predicted", "the predicted mix"), ("confidence", "confidence"))
        ),
    )
    found.row(
        "Swaps",
        lines(
            "Bundles taken and refused",
            "Since the server started.",
            "none",
            (f"sum by (outcome) (aisle_model_swaps_total{{{_HERE}}})", "{{outcome}}"),
        ),
        lines(
            "Seconds to swap",
            "To load, verify and warm a version, on average; and the last load.",
            "s",
            (
                f"{swap}_sum{{{_HERE}}}) / {swap}_count{{{_HERE}}})",
                "{{variant}}",
            ),
            (f"max(aisle_model_load_seconds{{{_HERE}}})", "last load"),
        ),
        figure(
            "Pinned servers",
            "They serve one version, whatever the ledger says.",
            "none",
            f"sum(aisle_model_pinned{{{_HERE}}})",
        ),
        bars(
            "Scores of the champion",
            "On the gold rows of its training.",
            "none",
            "aisle_champion_score",
            "{{measure}}",
            span=20,
        ),
    )
    found.row(
        "Canary and shadow",
        lines(
            "Versions",
            "0 while there is none.",
            "none",
            (f"max by (variant) (aisle_variant_version{{{_HERE}}})", "{{variant}}"),
            (f"min by (variant) (aisle_variant_ready{{{_HERE}}})", "{{variant}} ready"),
            span=8,
        ),
        lines(
            "Products by variant",
            "A second, while there is a canary.",
            "none",
            (f"sum by (variant, review) (rate(aisle_variant_products_total{{{_EVERY}))", "{{variant}}, review {{review}}"),
            span=8,
        ),
        lines(
            "Seconds by variant",
            "On average, while there is a canary.",
            "s",
            (
                f"{took}_sum{{{_EVERY})) / {took}_count{{{_EVERY}))",
                "{{variant}}",
            ),
            span=8,
        ),
        lines(
            "Loads and failures",
            "Canaries and shadows taken or refused; requests that a canary could not answer.",
            "none",
            (f"sum by (variant, outcome) (aisle_variant_loads_total{{{_HERE}}})", "{{variant}} {{outcome}}"),
            (f"sum by (variant) (aisle_variant_failures_total{{{_HERE}}}) or on () vector(0)", "failures"),
        ),
        lines(
            "Shadow",
            "Products a second by whether it agrees.",
            "none",
            (f"sum by (outcome) (rate(aisle_shadow_products_total{{{_EVERY}))", "{{outcome}}"),
        ),
    )
    return found
