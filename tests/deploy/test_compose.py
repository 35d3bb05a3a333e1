"""The compose file: its form, and what it says of us."""

from pathlib import PurePosixPath

import pytest

from bellbuoy.app import STOP_WITHIN
from bellbuoy.cli.program import program as commands
from bellbuoy.config.load import load_config
from bellbuoy.durations import duration
from bellbuoy.web import access
from tests.deploy.image import said, variables
from tests.deploy.programs import run
from tests.deploy.shipped import PROMETHEUS, ROOT, read

DEPLOY = ROOT / "deploy"
FILE = DEPLOY / "compose.yaml"
COMPOSE = read(FILE)
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "bellbuoy"]
CONFIG = DEPLOY / COMPOSE["configs"]["bellbuoy"]["file"]

services = pytest.mark.parametrize("name", SERVICES)


def secret_config(folder):
    """The config with the secrets of a first start, which lie in a folder."""
    for name in COMPOSE["secrets"]:
        (folder / name).write_text(f"a-secret-for-{name}-0001\n", "utf-8")
    (folder / "store").write_text("postgresql://bellbuoy:secret@postgres/bellbuoy\n", "utf-8")
    (folder / "bellbuoy.yaml").write_text(
        CONFIG.read_text("utf-8").replace("/run/secrets", str(folder)), "utf-8"
    )
    return load_config(str(folder / "bellbuoy.yaml"), env={})


def test_it_is_a_compose_file():
    """By the schema of the Compose Specification."""
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE)


@services
def test_every_container_may_do_no_more_than_it_must(name):
    """No new rights, nothing written outside its volumes, bounds, and a time to end in."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert duration(service["stop_grace_period"]) > STOP_WITHIN
    assert service["deploy"]["resources"]["limits"].keys() == {"memory", "pids"}
    assert not service["image"].endswith(":latest")


@services
def test_only_this_machine_reaches_a_published_port(name):
    """Docker's ports pass by a firewall of the machine's own."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@services
def test_what_a_container_is_given_is_there(name):
    """Each secret and each file; secrets are made on the machine and committed nowhere."""
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (DEPLOY / source).is_file()
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_every_secret_is_used_ignored_by_git_and_made_by_the_documentation():
    """None is forgotten at the first start, and none is committed."""
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == COMPOSE["secrets"].keys()
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
        assert f"deploy/secrets/{name}" in page or f"{name} " in page
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_two_workers_share_the_pages_and_one_more_shows_them():
    """Their commands are ours, and no port of a worker's is published."""
    assert OURS == ["worker", "web"]
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert "ports" not in SERVICES["worker"]
    for name in OURS:
        commands().parse_args(SERVICES[name]["command"], print_error=False, exit_on_error=False)
        assert "outside" in SERVICES[name]["networks"]
    assert SERVICES["web"]["command"] == ["serve", "--roles", "web"]


def test_the_image_is_built_from_this_repository():
    """With the Dockerfile that is shipped."""
    for name in OURS:
        build = SERVICES[name]["build"]
        assert (DEPLOY / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
        (given,) = SERVICES[name]["configs"]
        assert given["target"] == variables()["BELLBUOY_CONFIG"]


def test_the_config_keeps_everything_in_the_database_beside_it(tmp_path):
    """It is read with the secrets of a first start, and listens at the published port."""
    config = secret_config(tmp_path)
    postgres = SERVICES["postgres"]["environment"]
    assert config.warnings == ()
    assert config.store.partition("://")[2] == (
        f"{postgres['POSTGRES_USER']}:secret@postgres/{postgres['POSTGRES_DB']}"
    )
    (port,) = SERVICES["web"]["ports"]
    assert port == f"127.0.0.1:{config.web.port}:{said('EXPOSE')}"
    assert access.is_our_host(config.web, f"localhost:{config.web.port}")


def test_we_wait_for_a_database_that_answers():
    """A container that runs is not yet a server that does."""
    for name in OURS:
        assert SERVICES[name]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "pg_isready" in SERVICES["postgres"]["healthcheck"]["test"]


def test_the_broker_comes_only_when_it_is_asked_for():
    """The others always do."""
    asked_for = {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one}
    assert asked_for == {"nats": ["broker"]}


def test_prometheus_takes_its_config():
    """With the alerts that are shipped; the token's file is there only in the container."""
    run("promtool", "check", "config", "--syntax-only", PROMETHEUS / "compose.yaml")
    mounted = dict(one.split(":")[:2] for one in SERVICES["prometheus"]["volumes"])
    assert mounted["./prometheus/rules.yaml"] == "/etc/prometheus/rules.yaml"
    assert (
        f"--config.file={mounted['./prometheus/compose.yaml']}"
        in (SERVICES["prometheus"]["command"])
    )


def test_prometheus_asks_every_container_of_ours_with_the_token_for_metrics(tmp_path):
    """It finds them by address, which figures answer to for who shows that token."""
    scrape = read(PROMETHEUS / "compose.yaml")["scrape_configs"]
    (job,) = scrape
    (found,) = job["dns_sd_configs"]
    assert (found["names"], found["port"]) == (OURS, int(said("EXPOSE")))
    token = PurePosixPath(job["authorization"]["credentials_file"]).name
    web = secret_config(tmp_path).web
    assert (tmp_path / token).read_text("utf-8").strip() == web.metrics
    assert access.may_have_any_name(web, "/metrics", web.metrics)
    assert job["job_name"] == read(PROMETHEUS / "scrape.yaml")["scrape_configs"][0]["job_name"]


def test_grafana_finds_the_dashboard_and_the_figures():
    """Both are provisioned from files that are shipped."""
    mounted = dict(one.split(":")[:2] for one in SERVICES["grafana"]["volumes"])
    (provider,) = read(DEPLOY / "grafana" / "dashboards.yaml")["providers"]
    dashboard = PurePosixPath(mounted["./grafana/bellbuoy.json"])
    assert str(dashboard.parent) == provider["options"]["path"]
    (source,) = read(DEPLOY / "grafana" / "datasource.yaml")["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert set(SERVICES["grafana"]["networks"]) & set(SERVICES["prometheus"]["networks"])
