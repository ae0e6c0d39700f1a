"""The Kubernetes manifests: valid by the published schemas, closed tightly, and patched only where there is something."""

import warnings
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

BASE = Path(__file__).parents[2] / "deploy" / "kubernetes" / "base"
OVERLAYS = sorted(BASE.parent.glob("overlays/*/kustomization.yaml"))
OWN = {"ServiceMonitor"}
"""Kinds that the Prometheus operator brings; the schemas do not know them."""


def resources() -> list[dict[str, Any]]:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert set(listed) == {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    return [content for name in listed for content in yaml.safe_load_all((BASE / name).read_text())]


RESOURCES = resources()


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that a resource makes, by the resource's name."""
    for resource in RESOURCES:
        spec = resource.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield resource["metadata"]["name"], spec["template"]["spec"]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: f"{resource['kind']}-{resource['metadata']['name']}")
def test_it_is_what_the_published_schema_says(resource: dict[str, Any]):
    if resource["kind"] in OWN:
        assert resource["apiVersion"] == "monitoring.coreos.com/v1"
        return
    kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


def test_the_schema_would_find_a_mistake():
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"port": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize(("name", "pod"), list(pods()), ids=[name for name, _ in pods()])
def test_a_pod_meets_the_restricted_standard(name: str, pod: dict[str, Any]):
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    names = {volume["name"] for volume in pod["volumes"]}
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert {mount["name"] for mount in container["volumeMounts"]} <= names
        assert not [entry for entry in container.get("env", []) if "value" in entry and "SECRET" in entry["name"]]


def test_the_server_is_asked_by_its_own_addresses_and_given_time_to_drain():
    pod = dict(pods())["api"]
    container = pod["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/health/live"
    assert pod["terminationGracePeriodSeconds"] > 20 + 5 + 1


def test_everything_that_selects_pods_selects_some():
    labels = [
        (resource["spec"].get("jobTemplate", {}).get("spec", resource["spec"]))["template"]["metadata"]["labels"]
        for resource in RESOURCES
        if resource["kind"] in {"Deployment", "Job", "CronJob"}
    ]
    for resource in RESOURCES:
        spec = resource.get("spec", {})
        selector = spec.get("podSelector") or (
            spec.get("selector") if resource["kind"] in {"Service", "PodDisruptionBudget"} else None
        )
        if not selector:
            continue
        wanted = selector.get("matchLabels", selector if resource["kind"] == "Service" else {})
        assert any(wanted.items() <= known.items() for known in labels), resource["metadata"]["name"]


def test_jobs_of_prometheus_are_those_that_rules_know():
    services = [resource["metadata"]["labels"] for resource in RESOURCES if resource["kind"] == "Service"]
    assert {labels["aisle.example.org/job"] for labels in services} == {"aisle", "aisle-exporter"}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.parent.name)
def test_an_overlay_replaces_only_what_is_there(overlay: Path):
    content = yaml.safe_load(overlay.read_text())
    assert [(overlay.parent / part).resolve() for part in content["resources"]] == [BASE]
    for patch in content["patches"]:
        kind, name = patch["target"]["kind"], patch["target"]["name"]
        found = [deepcopy(r) for r in RESOURCES if (r["kind"], r["metadata"]["name"]) == (kind, name)]
        assert len(found) == 1, patch["target"]
        for change in yaml.safe_load(patch["patch"]):
            assert change["op"] == "replace"
            *way, last = change["path"].strip("/").split("/")
            place: Any = found[0]
            for part in way:
                place = place[int(part) if part.isdigit() else part]
            assert last in place, change["path"]
            place[last] = change["value"]
        kubernetes_validate.validate(found[0], kubernetes_validate.latest_version(), strict=True)
