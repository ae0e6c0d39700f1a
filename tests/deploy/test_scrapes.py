"""What is scraped: every process that has metrics of ours is in a job whose targets the compose file's services answer."""

import re
from typing import Any

import yaml

from aisle.telemetry import METRICS
from tests.deploy.metric_names import ROOT

JOBS = {"server": "aisle", "exporter": "aisle-exporter", "task": "pushgateway"}
"""The job by which each kind of process is scraped."""


def jobs() -> dict[str, dict[str, Any]]:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    return {job["job_name"]: job for job in config["scrape_configs"]}


def files(job: dict[str, Any]) -> list[str]:
    return [name for found in job["file_sd_configs"] for name in found["files"]]


def test_every_process_with_metrics_is_scraped():
    assert {metric.process for metric in METRICS} == set(JOBS)
    assert set(JOBS.values()) <= jobs().keys()


def test_a_task_keeps_its_own_labels():
    assert jobs()["pushgateway"]["honor_labels"]


def test_every_job_has_its_targets_here_and_in_the_compose_file():
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for job in jobs().values():
        for name in files(job):
            assert isinstance(yaml.safe_load((ROOT / "deploy" / "prometheus" / name).read_text()), list)
            (entry,) = yaml.safe_load((ROOT / "deploy" / name).read_text())
            (target,) = entry["targets"]
            assert re.fullmatch(r"[a-z-]+:\d+", target)
            assert target.partition(":")[0] in services, f"{name} names {target}, which is no service"
