"""The board of the service: rate, errors and duration of each route; utilisation and saturation of each server."""

from deploy.grafana.boards.panels import ANSWERED, Board, choice, figure, lines, rows

_HERE = 'instance=~"$instance"'
_ALL = f"{{{_HERE}}}[$__rate_interval]"
_RATE = f"http_requests_total{{{ANSWERED}, {_HERE}}}[$__rate_interval]"
_FAILED = f'http_requests_total{{{ANSWERED}, status=~"5..", {_HERE}}}'


def board() -> Board:
    """Return the board."""
    everything = f"sum(increase(http_requests_total{{{ANSWERED}, {_HERE}}}[$__range]))"
    failed = f"(sum(increase({_FAILED}[$__range])) or vector(0))"
    bucket = f"http_request_duration_seconds_bucket{{{ANSWERED}, {_HERE}}}[$__rate_interval]"
    lag = f"aisle_event_loop_lag_seconds_bucket{{{_HERE}}}[$__rate_interval]"
    found = Board(
        "aisle-service",
        "service",
        "Is it there, is it right, is it fast, and how full is it?",
        choice("instance", "aisle_build_info", "Servers."),
    )
    found.row(
        "Promises",
        figure("Servers ready", "Servers with a verified model.", "none", f"sum(aisle_model_ready{{{_HERE}}})"),
        figure("Requests a minute", "Answered, over the last minutes.", "none", f"60 * sum(rate({_RATE}))"),
        figure(
            "Answered properly",
            "No 5xx, over the time shown; the promise is 99.9 %.",
            "percentunit",
            f"1 - {failed} / {everything}",
        ),
        figure(
            "Budget burnt, 1 h",
            "Times the rate at which the month's budget would just last.",
            "none",
            "max(job:http_errors_per_request:ratio_rate1h) / 0.001",
        ),
        figure(
            "Predictions over 250 ms",
            "Over the last hour; the promise is 1 %.",
            "percentunit",
            "max(job:http_slow_per_request:ratio_rate1h)",
        ),
        figure("Products a second", "Classified.", "none", f"sum(rate(aisle_products_total{{{_HERE}}}[$__rate_interval]))"),
    )
    found.row(
        "Rate, errors, duration",
        lines(
            "Requests by route",
            "Requests a second.",
            "reqps",
            (f"sum by (handler) (rate({_RATE}))", "{{handler}}"),
            stacked=True,
        ),
        lines(
            "Requests by status",
            "Requests a second.",
            "reqps",
            (f"sum by (status) (rate({_RATE}))", "{{status}}"),
            stacked=True,
        ),
        lines(
            "Share of errors",
            "5xx of all requests, over three windows.",
            "percentunit",
            ("job:http_errors_per_request:ratio_rate5m", "5 min"),
            ("job:http_errors_per_request:ratio_rate1h", "1 h"),
            ("job:http_errors_per_request:ratio_rate6h", "6 h"),
        ),
        lines(
            "Refused unread",
            "Requests a second, by why: no key, too fast, too much.",
            "reqps",
            (f"sum by (reason) (rate(aisle_refusals_total{{{_HERE}}}[$__rate_interval]))", "{{reason}}"),
        ),
        lines(
            "Duration",
            "Of all routes together.",
            "s",
            *((f"histogram_quantile({q}, sum by (le) (rate({bucket})))", f"{q:.0%}") for q in (0.5, 0.95, 0.99)),
        ),
        lines(
            "99 % of requests are faster, by route",
            "Over five minutes.",
            "s",
            (f"handler:http_request_duration_seconds:p99_5m{{{ANSWERED}}}", "{{handler}}"),
        ),
    )
    found.row(
        "Utilisation and saturation",
        lines("CPU", "Cores in use.", "none", (f"instance:process_cpu:rate5m{{{_HERE}}}", "{{instance}}")),
        lines("Memory", "Resident.", "bytes", (f'process_resident_memory_bytes{{job="aisle", {_HERE}}}', "{{instance}}")),
        lines(
            "Event-loop lag",
            "How late the loop comes to a timer: what every request waits at least.",
            "s",
            *((f"histogram_quantile({q}, sum by (le) (rate({lag})))", f"{q:.0%}") for q in (0.5, 0.99)),
        ),
        lines(
            "Under way and waiting",
            "Requests being answered, threads that score, and who waits for one.",
            "none",
            (f"sum(http_requests_in_progress{{{_HERE}}})", "in progress"),
            (f"sum(aisle_scoring_threads_busy{{{_HERE}}})", "threads busy"),
            (f"sum by (queue) (aisle_scoring_waiting{{{_HERE}}})", "waiting for a {{queue}}"),
        ),
        lines(
            "Scored together",
            "Products in one go on the event loop, on average.",
            "none",
            (
                f"sum(rate(aisle_batch_products_sum{_ALL})) / sum(rate(aisle_batch_products_count{_ALL}))",
                "products",
            ),
        ),
        lines(
            "Open files",
            "Of those that the process may open.",
            "percentunit",
            (f'process_open_fds{{job="aisle", {_HERE}}} / process_max_fds{{job="aisle", {_HERE}}}', "{{instance}}"),
        ),
    )
    found.row(
        "Records",
        lines(
            "Prediction log",
            "Answers a second that were written or dropped.",
            "none",
            (f"sum by (outcome) (rate(aisle_prediction_log_total{{{_HERE}}}[$__rate_interval]))", "{{outcome}}"),
        ),
        lines(
            "Waiting to be logged, and failures",
            "Answers that wait; attempts a second that fail.",
            "none",
            (f"sum(aisle_prediction_log_waiting{{{_HERE}}})", "waiting"),
            (f"sum(rate(aisle_prediction_log_failures_total{{{_HERE}}}[$__rate_interval]))", "failures"),
        ),
        lines(
            "API keys",
            "Known and working; looks at their table a second.",
            "none",
            (f"max(aisle_api_keys{{{_HERE}}})", "keys"),
            (f"sum by (outcome) (rate(aisle_api_key_looks_total{{{_HERE}}}[$__rate_interval]))", "looks {{outcome}}"),
        ),
        rows("Alerts", "What is firing now.", 'count by (alertname, severity) (ALERTS{alertstate="firing"})'),
    )
    return found
