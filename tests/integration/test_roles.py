"""The shipped roles suffice for a whole migration, and hold nothing that runs commands on blue."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml

from migrator.adapters.clock import SystemClock
from migrator.errors import ForbiddenError, NotFoundError
from migrator.kube.access import load_access
from migrator.kube.cluster import KubeCluster
from migrator.kube.transport import Transport
from migrator.model.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, SERVICE_ACCOUNTS
from migrator.model.manifest import Manifest
from migrator.testbed.balancer import balanced, load
from migrator.testbed.planes.deploy import deploy
from tests.support.guarded import OWN_METRICS, done, guarded
from tests.support.objects import config_map, cron_job, deployment, made
from tests.support.sandbox import TYPES, Pair, Sandbox, until
from tests.support.traffic_section import through

DEPLOY = Path(__file__).parents[2] / "deploy"
ACCOUNT = "/api/v1/namespaces/kube-system/serviceaccounts/migrator"


@pytest.fixture
def least(pair: Pair, tmp_path: Path) -> Path:
    """Return a kubeconfig whose contexts have only the rights of deploy/rbac-*.yaml."""
    content = yaml.safe_load(pair.kubeconfig.read_text())
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    for user in content["users"]:
        name = user["name"]
        cluster = pair.blue if name == "blue" else pair.green
        for manifest in yaml.safe_load_all((DEPLOY / f"rbac-{name}.yaml").read_text()):
            try:
                deploy(cluster, [manifest])
            except Exception as error:  # noqa: BLE001 - an earlier test's is there
                assert "409" in str(error), error  # noqa: PT017
        access = load_access(str(pair.kubeconfig), name, cluster=name, relative_to=Path())
        answer = Transport(access, name, clock=SystemClock()).send("POST", f"{ACCOUNT}/token", orjson.dumps(body))
        user["user"] = {"token": orjson.loads(answer.body)["status"]["token"]}
    file = tmp_path / "least"
    file.write_text(yaml.safe_dump(content))
    return file


def one_sided() -> Manifest:
    """Return a Deployment of external-dns."""
    manifest = deployment("dns")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": "registry.example.com/mirror/external-dns:v0.23.0", "args": [OWN_METRICS]}
    return manifest


def contexts(least: Path) -> dict[str, dict[str, str]]:
    """Return blue and green of a migration.yaml with these rights."""
    return {side: {"kubeconfig": str(least), "context": side} for side in ("blue", "green")}


def test_the_shipped_roles_suffice_from_plan_to_retire(sandbox: Sandbox, least: Path, tmp_path: Path) -> None:
    """Without cluster-admin: plan, diff, copy, validate, cutover, rollback, cutover, retire; green's account is gone then."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    with balanced(tmp_path / "haproxy") as (balancer, _, _), load(balancer.port):
        traffic = {"haproxy": through(balancer), "steps": [100], "soak": "1s"}
        sandbox.configure(**contexts(least), traffic=traffic, retire={"soak": "0s"})
        sandbox.on_blue(
            config_map("a"),
            deployment("web"),
            cron_job("nightly"),
            one_sided(),
            made("rbac.authorization.k8s.io/v1", "Role", "admin", rules=rules),
            made("v1", "Secret", "s", stringData={"k": "v"}),
        )
        for verb in (
            ["plan"],
            ["diff"],
            ["copy"],
            ["validate"],
            ["cutover", "--yes"],
            ["rollback"],
            ["validate"],
            ["cutover", "--yes"],
        ):
            result = sandbox.run(*verb)
            assert result.code == 0, f"{verb}\n{result.out}\n{result.err}"
            suspended = sandbox.blue("CronJob", "nightly")["spec"].get("suspend", False)
            assert suspended is (verb[0] == "cutover")
            assert sandbox.blue("Deployment", "dns")["spec"]["replicas"] == (0 if verb[0] == "cutover" else 1)
            if verb[0] not in ("plan", "diff"):
                assert sandbox.green("Deployment", "dns")["spec"]["replicas"] == (1 if verb[0] == "cutover" else 0)
    # Nothing reaches blue any more.
    sandbox.configure(**contexts(least), retire={"soak": "0s"})
    result = sandbox.run("retire", "--yes")
    assert result.code == 0, f"{result.out}\n{result.err}"
    green = sandbox.pair.green

    def is_gone() -> bool:
        for resource, namespace, name in (
            (CLUSTER_ROLE_BINDINGS, "", "migrator-green"),
            (CLUSTER_ROLES, "", "migrator-green"),
            (SERVICE_ACCOUNTS, "kube-system", "migrator"),
        ):
            try:
                green.get(resource, namespace, name)
            except NotFoundError:
                continue
            return False
        return True

    until(is_gone)


def optional_rule(word: str) -> list[dict[str, list[str]]]:
    """Return the rule that deploy/rbac-blue.yaml has as a comment, by a word of it."""
    lines = (DEPLOY / "rbac-blue.yaml").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("  # - {") and word in line]
    rules: list[dict[str, list[str]]] = yaml.safe_load(line.replace("# ", "", 1))
    return rules


@pytest.mark.on_demand
def test_the_shipped_roles_suffice_for_guards_on_both_sides(sandbox: Sandbox, least: Path, tmp_path: Path) -> None:
    """With the line for blue that is a comment; without it copy says so before it writes."""
    role = sandbox.pair.blue.get(CLUSTER_ROLES, "", "migrator-blue")
    with guarded(sandbox, tmp_path, [], copy=False):
        text = yaml.safe_load((sandbox.folder / "migration.yaml").read_text())
        sandbox.configure(**(text | contexts(least) | {"cutover": {"guard": ["green", "blue"]}}))
        refused = sandbox.run("copy")
        assert refused.code != 0
        assert "deploy/rbac-blue.yaml" in refused.err
        assert sandbox.absent("Namespace", sandbox.namespace)
        rules = [*role["rules"], *optional_rule("validatingadmissionpolicies")]
        sandbox.pair.blue.patch(CLUSTER_ROLES, "", "migrator-blue", {"rules": rules}, manager="test")
        try:
            until(lambda: sandbox.run("copy").code == 0)
            done(sandbox, "validate")
            done(sandbox, "cutover", "--yes")
            assert sandbox.json("status").document["guards"] == {"blue": ["CronJob", "external-dns"]}
            done(sandbox, "rollback")
            assert sandbox.json("status").document["guards"] == {"green": ["CronJob", "external-dns"]}
        finally:
            sandbox.pair.blue.patch(CLUSTER_ROLES, "", "migrator-blue", {"rules": role["rules"]}, manager="test")


FORBIDDEN = [
    "GET /api/v1/namespaces/NS/pods/p/exec?command=id&stdout=true",
    "POST /api/v1/namespaces/NS/pods/p/exec?command=id&stdout=true",
    "GET /api/v1/namespaces/NS/pods/p/attach",
    "GET /api/v1/namespaces/NS/pods/p/portforward",
    "GET /api/v1/namespaces/NS/pods/p/log",
    "GET /api/v1/namespaces/NS/pods/p/proxy/",
    "GET /api/v1/namespaces/NS/services/s/proxy/",
    "GET /api/v1/nodes/blue-0/proxy/pods",
    "GET /api/v1/nodes/blue-0/proxy/exec/ns/p/c?command=id",
    "GET /api/v1/namespaces/NS/secrets/s",
    "POST /api/v1/namespaces/NS/configmaps",
    "PATCH /api/v1/namespaces/NS/configmaps/a",
    "DELETE /apis/batch/v1/namespaces/NS/cronjobs/nightly",
    "POST /api/v1/namespaces/kube-system/serviceaccounts/migrator/token",
]


def test_blue_s_role_holds_nothing_that_runs_or_writes(sandbox: Sandbox, least: Path) -> None:
    """`get` on everything would hold nodes/proxy and pods/exec (kubernetes#119640; Kubernetes' RBAC good practices)."""
    transport = Transport(load_access(str(least), "blue", cluster="blue", relative_to=Path()), "blue", clock=SystemClock())
    for request in FORBIDDEN:
        method, path = request.replace("NS", sandbox.namespace).split(" ")
        with pytest.raises(ForbiddenError) as caught:
            transport.send(method, path, b"{}" if method != "GET" else None, content="application/merge-patch+json")
        assert caught.value.status == 403, request


def test_kinds_without_permission_are_named(sandbox: Sandbox, least: Path) -> None:
    """A kind that may not be read is named, and the exit code says so."""
    role = sandbox.pair.blue.get(CLUSTER_ROLES, "", "migrator-blue")
    narrow = [{"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["get", "list"]}, role["rules"][1]]
    sandbox.configure(blue=contexts(least)["blue"])
    sandbox.on_blue(config_map("a"), made("v1", "Secret", "s", stringData={"k": "v"}))
    sandbox.pair.blue.patch(CLUSTER_ROLES, "", "migrator-blue", {"rules": narrow}, manager="test")
    try:
        until(lambda: sandbox.json("plan").code == 4)
        unreadable = {item["kind"] for item in sandbox.json("plan").document["unreadable"]}
        assert "Secret" in unreadable
        assert "ConfigMap" not in unreadable
        assert sandbox.run("copy").code == 4
    finally:
        sandbox.pair.blue.patch(CLUSTER_ROLES, "", "migrator-blue", {"rules": role["rules"]}, manager="test")


def test_blue_cannot_be_written(sandbox: Sandbox, least: Path) -> None:
    """The shipped role lets nobody change blue, but stop what may run on one side only."""
    blue = KubeCluster("blue", load_access(str(least), "blue", cluster="blue", relative_to=Path()), clock=SystemClock(), patience=0)
    with pytest.raises(ForbiddenError):
        blue.create(TYPES["ConfigMap"], sandbox.namespace, orjson.dumps(sandbox.placed(config_map("x"))), manager="x")
