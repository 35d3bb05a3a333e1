"""The Kubernetes manifests: their form, and what they say of us."""

import re
from functools import cache

import pytest
from ruamel.yaml import YAML

from bellbuoy.app import STOP_WITHIN
from bellbuoy.cli.program import program as commands
from bellbuoy.config.load import load_config
from bellbuoy.web import access
from tests.deploy.image import said, variables
from tests.deploy.programs import run
from tests.deploy.shipped import ROOT, read

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = read(FOLDER / "kustomization.yaml")
FILES = [FOLDER / name for name in (*KUSTOMIZATION["resources"], "secret.example.yaml")]
VERSIONS = ["1.29", "1.37"]
"""Of Kubernetes: an old one that is still met, and a new one."""


def documents(text):
    """The objects in a text, by kind and name."""
    found = [one for one in YAML(typ="safe").load_all(text) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


OBJECTS = {key: one for path in FILES for key, one in documents(path.read_text("utf-8")).items()}
DEPLOYMENTS = {name: one for (kind, name), one in OBJECTS.items() if kind == "Deployment"}
SECRET = OBJECTS["Secret", "bellbuoy"]["stringData"]

deployments = pytest.mark.parametrize("name", DEPLOYMENTS)


def pod(name):
    """What a Deployment says of its pods."""
    return DEPLOYMENTS[name]["spec"]["template"]["spec"]


def container(name):
    """Their only container."""
    (found,) = pod(name)["containers"]
    return found


@cache
def config():
    """The config in the ConfigMap, with the variables of the Secret."""
    return load_config(str(FOLDER / "bellbuoy.yaml"), env=SECRET)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_api_knows_every_field(path, version):
    """By the schemas of Kubernetes, strictly."""
    run("kubernetes-validate", "--strict", "--kubernetes-version", version, path)


@pytest.mark.parametrize("version", VERSIONS)
def test_kustomize_makes_of_them_what_the_api_knows(version, tmp_path):
    """Everything in one namespace, the config under a name of its content's."""
    made = run("kubectl", "kustomize", FOLDER)
    (tmp_path / "made.yaml").write_text(made, "utf-8")
    run("kubernetes-validate", "--strict", "--kubernetes-version", version, tmp_path / "made.yaml")
    objects = documents(made)
    (name,) = [name for kind, name in objects if kind == "ConfigMap"]
    assert re.fullmatch(r"bellbuoy-config-\w+", name)
    for kind, each in objects:
        if kind != "Namespace":
            assert objects[kind, each]["metadata"]["namespace"] == KUSTOMIZATION["namespace"]
        if kind == "Deployment":
            spec = objects[kind, each]["spec"]["template"]["spec"]
            assert spec["volumes"] == [{"name": "config", "configMap": {"name": name}}]
            (image,) = KUSTOMIZATION["images"]
            assert spec["containers"][0]["image"] == f"{image['newName']}:{image['newTag']}"
    assert not any(kind == "Secret" for kind, _ in objects)


def test_the_config_is_good_with_what_the_secret_holds():
    """No variable is wanting, none is idle, and a port is opened for the probes."""
    text = (FOLDER / "bellbuoy.yaml").read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", text)) == SECRET.keys()
    assert config().warnings == ()
    assert config().store.startswith("postgresql")
    assert access.is_our_host(config().web, "bellbuoy")


@deployments
def test_its_command_parses_and_reads_that_config(name):
    """The image is told where its config lies."""
    commands().parse_args(container(name)["args"], print_error=False, exit_on_error=False)
    assert container(name)["envFrom"] == [{"secretRef": {"name": "bellbuoy"}}]
    (mounted,) = container(name)["volumeMounts"]
    (generated,) = KUSTOMIZATION["configMapGenerator"]
    path = f"{mounted['mountPath']}/{generated['files'][0]}"
    assert path == variables()["BELLBUOY_CONFIG"]


@deployments
def test_it_is_probed_where_anybody_is_answered(name):
    """At the port that it listens on, as the image exposes it."""
    (port,) = container(name)["ports"]
    assert port["containerPort"] == config().web.port == int(said("EXPOSE"))
    wanted = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    for probe, path in wanted.items():
        assert container(name)[probe]["httpGet"] == {"path": path, "port": port["name"]}
        assert access.needed("GET", path) is access.Scope.NOTHING
        assert access.may_have_any_name(config().web, path, "")


@deployments
def test_it_keeps_the_strictest_pod_security_standard(name):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and more."""
    level = OBJECTS["Namespace", "bellbuoy"]["metadata"]["labels"]
    assert level["pod-security.kubernetes.io/enforce"] == "restricted"
    user, _, group = said("USER").partition(":")
    assert pod(name)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user),
        "runAsGroup": int(group),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(name)["automountServiceAccountToken"] is False


@deployments
def test_it_ends_in_time_is_bounded_and_is_not_all_on_one_node(name):
    """A rollout takes none away before another one is ready."""
    assert pod(name)["terminationGracePeriodSeconds"] > 2 * STOP_WITHIN
    assert "memory" in container(name)["resources"]["limits"]
    (spread,) = pod(name)["topologySpreadConstraints"]
    labels = DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]
    assert spread["labelSelector"]["matchLabels"] == labels
    assert DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"] == labels
    assert DEPLOYMENTS[name]["spec"]["replicas"] == 2
    rolling = DEPLOYMENTS[name]["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 1, "maxUnavailable": 0}


@deployments
def test_a_drained_node_takes_one_of_them_at_a_time(name):
    """Each Deployment has a budget that speaks of its pods."""
    budget = OBJECTS["PodDisruptionBudget", name]["spec"]
    assert budget["selector"] == DEPLOYMENTS[name]["spec"]["selector"]
    assert budget["maxUnavailable"] == 1


def test_people_are_led_to_the_pods_that_only_show():
    """By the one Service, to their port."""
    service = OBJECTS["Service", "bellbuoy"]["spec"]
    labels = DEPLOYMENTS["bellbuoy-web"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"] == labels
    assert container("bellbuoy-web")["args"] == ["serve", "--roles", "web"]
    assert [port["targetPort"] for port in service["ports"]] == ["http"]
    assert all(
        OBJECTS["Deployment", name]["spec"]["template"]["metadata"]["labels"] != labels
        for name in DEPLOYMENTS
        if name != "bellbuoy-web"
    )
