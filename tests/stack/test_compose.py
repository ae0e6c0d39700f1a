"""The compose file: every service is closed as tightly as it says, and nothing in it is a secret or floats."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).with_name("docker-compose")
ONCE = {"objects-volume", "migrate", "buckets", "airflow-migrate", "cli"}
"""Services that end: there is nothing to ask for their health."""

CAPABILITIES = {"pgadmin": ["NET_BIND_SERVICE"]}
"""What may be had beyond nothing: pgAdmin's image does not start where its Python may not be given this one."""

PORTS = {
    "airflow-api": {8080},
    "pgadmin": {8081},
    "objects": {9000, 9001},
    "mlflow": {5000},
    "api": {8000},
    "prometheus": {9090},
    "grafana": {3000},
    "alertmanager": {9093},
}
"""What is published, and where; the contract names all but the last."""

PROFILES = ("airflow", "monitoring", "tools", "cli")


def resolved(*files: str) -> dict[str, Any]:
    """What Compose makes of the files, every profile included."""
    chosen = [part for profile in PROFILES for part in ("--profile", profile)]
    named = [part for file in files for part in ("--file", str(ROOT / "deploy" / file))]
    command = [COMPOSE, *named, *chosen, "config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    content: dict[str, Any] = json.loads(done.stdout)
    return content


@pytest.fixture(scope="module", params=["minio", "seaweedfs"])
def stack(request: pytest.FixtureRequest) -> dict[str, Any]:
    further = [] if request.param == "minio" else [f"compose.{request.param}.yaml"]
    return resolved("compose.yaml", *further)


def services(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = stack["services"]
    return found


def test_no_service_runs_as_root_or_may_write_where_it_has_no_volume(stack: dict[str, Any]):
    for name, service in services(stack).items():
        user, _, _group = service["user"].partition(":")
        assert int(user) > 0, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add") == CAPABILITIES.get(name), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert int(service["mem_limit"]) > 0, name
        assert service["pids_limit"] > 0, name


def test_no_service_gets_the_engine_in_its_hands(stack: dict[str, Any]):
    for name, service in services(stack).items():
        for volume in service.get("volumes", []):
            assert "docker.sock" not in str(volume.get("source")), name


def test_every_service_that_stays_is_asked_for_its_health(stack: dict[str, Any]):
    for name, service in services(stack).items():
        assert ("healthcheck" in service) is (name not in ONCE), name
        for needed, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed in ONCE else "service_healthy"
            assert how["condition"] == wanted, (name, needed)


def test_everything_is_published_on_loopback_under_the_known_ports(stack: dict[str, Any]):
    found: dict[str, set[int]] = {}
    for name, service in services(stack).items():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name
            found.setdefault(name, set()).add(int(port["published"]))
    if services(stack)["objects"]["image"].startswith("chrislusf/"):
        assert found.pop("objects") == {9000}
        assert found == {name: ports for name, ports in PORTS.items() if name != "objects"}
    else:
        assert found == PORTS


def test_what_holds_data_is_reached_from_inside_only(stack: dict[str, Any]):
    assert stack["networks"]["data"]["internal"] is True
    assert set(services(stack)["postgres"]["networks"]) == {"data"}


def test_images_are_pinned(stack: dict[str, Any]):
    for name, service in services(stack).items():
        _, colon, tag = service["image"].rpartition(":")
        assert colon, name
        assert re.search(r"\d+\.\d+|RELEASE\.\d{4}", tag), (name, tag)


def test_no_secret_stands_in_the_file(stack: dict[str, Any]):
    """A secret comes as a file, made by `make secrets`; a variable only names it."""
    telling = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|FERNET|ACCESS_KEY|DATABASE_URL|CONN", re.IGNORECASE)
    harmless = {"AISLE_SECRETS_DIR"}
    for name, service in services(stack).items():
        for variable, value in (service.get("environment") or {}).items():
            if telling.search(variable) and variable not in harmless:
                assert variable.endswith(("_FILE", "__FILE", "_CMD")) or not value, (name, variable)
                assert not value or "/run/secrets/" in value or value == "/tmp/airflow/passwords.json", (name, variable)
    made = set(re.findall(r"keep ([a-z_]+)", (ROOT / "scripts" / "secrets.sh").read_text()))
    made |= {"postgres_password", "mlflow_password", "airflow_password", "grafana_password", "pgadmin_password"}
    assert {secret["file"].rpartition("/")[2] for secret in stack["secrets"].values()} <= made
    needed = re.search(r"SECRETS=\(([^)]*)\)", (ROOT / "scripts" / "stack.sh").read_text())
    assert needed is not None
    both = resolved("compose.yaml")["secrets"] | resolved("compose.yaml", "compose.seaweedfs.yaml")["secrets"]
    assert set(needed[1].split()) == {secret["file"].rpartition("/")[2] for secret in both.values()}


def test_our_images_have_a_target_each_in_the_one_dockerfile(stack: dict[str, Any]):
    targets = set(re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE))
    for service in services(stack).values():
        if build := service.get("build"):
            assert build["target"] in targets
            assert f"/{build['target']}:" in service["image"]


def test_files_that_are_mounted_are_there(stack: dict[str, Any]):
    others = {"prometheus", "alertmanager", "grafana"}  # made with the dashboards and rules
    for name, service in services(stack).items():
        for volume in service.get("volumes", []):
            source = Path(volume["source"])
            if volume["type"] == "bind" and source.is_relative_to(ROOT / "deploy") and source.parts[-1] not in others:
                if name in others and source.parent.name == "grafana":
                    continue
                assert source.exists(), source


def test_the_two_stores_differ_in_nothing_but_the_store():
    minio, seaweed = services(resolved("compose.yaml")), services(resolved("compose.yaml", "compose.seaweedfs.yaml"))
    assert {name for name in minio if minio[name] != seaweed[name]} == {"objects"}


def test_pgadmin_knows_the_database_and_no_password():
    content = json.loads((ROOT / "deploy" / "pgadmin" / "servers.json").read_text())
    server = content["Servers"]["1"]
    assert (server["Host"], server["MaintenanceDB"], server["Username"]) == ("postgres", "rakuten_db", "aisle")
    assert "Password" not in server
    # Below the account's own folder, where the image's entry point puts what PGPASS_FILE names.
    assert server["PassFile"] == "/.pgpass"
    assert (ROOT / "deploy" / "pgadmin" / "config_distro.py").stat().st_size > 0


def test_a_volume_belongs_to_who_writes_in_it(stack: dict[str, Any]):
    """A new volume takes the owner of the folder that the image has there: root's, where it has none."""
    owned = {"prometheus": "/prometheus", "alertmanager": "/alertmanager", "pushgateway": "/pushgateway"}
    for name, folder in owned.items():
        service = services(stack)[name]
        assert [volume["target"] for volume in service["volumes"] if volume["type"] == "volume"] == [folder]
        assert any(folder in part for part in service["command"])
    maker = services(stack)["objects-volume"]
    assert [volume["target"] for volume in maker["volumes"]] == ["/var/lib/aisle"]
    assert "objects-volume" in services(stack)["objects"]["depends_on"]
    assert "install -d -o 10001 -g 10001 -m 1777 /var/lib/aisle" in (ROOT / "deploy" / "Dockerfile").read_text()


def test_the_source_repeats_itself_by_anchors_only():
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    assert text.count("no-new-privileges") == 1
    assert set(yaml.safe_load(text)["services"]) == set(services(resolved("compose.yaml")))
