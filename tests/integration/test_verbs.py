"""The verbs as a person uses them."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from shop import NS, shop

from migrator.model.manifest import Manifest
from migrator.testbed.planes.deploy import deploy
from tests.support.objects import config_map, crd, deployment, made, service
from tests.support.sandbox import TYPES, Result, Sandbox, until


def findings(result: Result, check: str) -> dict[str, str]:
    """Return subject: severity of one check's findings."""
    return {item["subject"]: item["severity"] for item in result.document["findings"] if item["check"] == check}


def of_other_tests(sandbox: Sandbox, own: list[Manifest]) -> list[dict[str, str]]:
    """Return selectors of what stands outside of namespaces on blue besides these objects, of their kinds."""
    names = {(item["kind"], item["metadata"]["name"]) for item in own}
    kinds = {resource.kind: resource for resource in sandbox.pair.blue.resources() if not resource.namespaced}
    return [
        {"kind": kind, "name": item["metadata"]["name"]}
        for kind in {kind for kind, _ in names} & kinds.keys() - {"Namespace"}
        for item in sandbox.pair.blue.list(kinds[kind])
        if (kind, item["metadata"]["name"]) not in names
    ]


def test_whole_shop_moves(sandbox: Sandbox) -> None:
    """The sample shop arrives whole: at least 60 objects of 15 kinds, and green is ready for its traffic."""
    made_objects = deploy(sandbox.pair.blue, shop())
    assert len(made_objects) >= 60
    assert len({item["kind"] for item in made_objects}) >= 15
    until(lambda: (sandbox.pair.blue.get(TYPES["Job"], NS, "schema-1-4").get("status") or {}).get("completionTime") is not None)
    sandbox.configure(
        move={
            "namespaces": {"include": [NS, "shop-batch"]},
            "clusterScoped": True,
            "kinds": {"include": sorted({item["kind"] for item in made_objects} - {"ClusterRoleBinding"})},
            "objects": {"exclude": of_other_tests(sandbox, made_objects)},
        }
    )
    copied = sandbox.json("copy")
    assert copied.code == 0, copied.out
    verdict = sandbox.json("validate")
    assert (verdict.code, [f for f in verdict.document["findings"] if f["severity"] == "failure"]) == (0, [])
    assert (
        sandbox.green("Secret", "sh.helm.release.v1.shop.v1", NS)["data"]
        == sandbox.pair.blue.get(TYPES["Secret"], NS, "sh.helm.release.v1.shop.v1")["data"]
    )
    assert set(sandbox.json("copy").document["counts"]) == {"unchanged"}


def test_plan_as_text(sandbox: Sandbox) -> None:
    """The tree shows decision, rules, notes and cures; progress goes to stderr."""
    sandbox.on_blue(config_map("a"), service("web"))
    result = sandbox.run("plan", "--all")
    assert f"\n{sandbox.namespace}\n" in result.out
    assert "  move Service/web  [service-allocations]" in result.out
    assert "  skip ConfigMap/kube-root-ca.crt  published by green's own controller" in result.out
    assert "Event: events describe blue" in result.out
    assert "reading blue and green" in result.err


def test_diff_writes_nothing(sandbox: Sandbox) -> None:
    """Dry runs on green show new and changed fields; green stays as it is."""
    sandbox.on_blue(config_map("a", {"x": "1"}), deployment("web"))
    first = sandbox.json("diff")
    assert first.code == 0, first.out
    assert {item["action"] for item in first.document} == {"create"}
    assert "spec.replicas" in {field["path"] for item in first.document for field in item["fields"]}
    assert sandbox.absent("Namespace", sandbox.namespace)
    sandbox.run("copy")
    sandbox.pair.blue.patch(TYPES["ConfigMap"], sandbox.namespace, "a", {"data": {"x": "2"}}, manager="kubectl")
    changed = [item for item in sandbox.json("diff").document if item["action"] == "change"]
    assert [(item["object"], item["fields"]) for item in changed] == [
        (f"ConfigMap/{sandbox.namespace}/a", [{"path": "data.x", "green": "1", "wanted": "2"}])
    ]
    assert sandbox.green("ConfigMap", "a")["data"] == {"x": "1"}


def test_diff_says_what_it_cannot_prove(sandbox: Sandbox) -> None:
    """A custom resource before its CRD is unproven, and the exit code says so."""
    group = f"{sandbox.namespace}.example.com"
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": ["CustomResourceDefinition", "Widget", "Namespace"]}})
    sandbox.on_blue(crd("widgets", "Widget", group), made(f"{group}/v1", "Widget", "one", spec={}))
    result = sandbox.json("diff")
    entry = next(item for item in result.document if item["object"].endswith("/one"))
    assert (result.code, entry["action"]) == (4, "unproven")


def test_init_writes_a_file_that_plans(sandbox: Sandbox) -> None:
    """`init` proposes a file from what is there, commented, and `plan` takes it as it is."""
    file = sandbox.folder / "new.yaml"
    arguments = ("init", "--blue", "blue", "--green", "green", "--kubeconfig", str(sandbox.pair.kubeconfig), "--out", str(file))
    assert sandbox.run(*arguments).code == 0
    text = file.read_text()
    assert sandbox.namespace in text
    assert "# v1.3" in text
    again = sandbox.run(*arguments)
    assert (again.code, "is there already" in again.err) == (2, True)
    twice = sandbox.run(*arguments[:4], "blue", *arguments[5:], "--force")
    assert (twice.code, "the same cluster" in twice.err, file.read_text() == text) == (3, True, True)
    planned = sandbox.run("plan", "-c", str(file))
    assert planned.code in (0, 3), planned.err


def test_validate_finds_what_is_not_there_yet(sandbox: Sandbox) -> None:
    """Objects that are missing, that differ, or that are not ready make the verdict bad, each with a hint."""
    sandbox.on_blue(config_map("missing"), config_map("differs"), deployment("web"), service("web"))
    sandbox.run("copy")
    sandbox.pair.green.patch(TYPES["ConfigMap"], sandbox.namespace, "differs", {"data": {"key": "other"}}, manager="kubectl")
    sandbox.pair.green.delete(
        TYPES["ConfigMap"], sandbox.namespace, "missing", uid=sandbox.green("ConfigMap", "missing")["metadata"]["uid"]
    )
    result = sandbox.json("validate")
    assert result.code == 3
    name = sandbox.namespace
    assert findings(result, "parity") == {f"ConfigMap/{name}/missing": "failure", f"ConfigMap/{name}/differs": "failure"}
    assert all(item["cure"] for item in result.document["findings"] if item["severity"] == "failure")
    assert sandbox.json("status").document["goodVerdictAt"] is None


def test_validate_fails_at_its_timeout(sandbox: Sandbox) -> None:
    """Pods that do not become Ready on green, but are on blue, are a failure when time is up."""
    sandbox.configure(gates={"readyTimeout": "2s"}, transforms=[
        {"name": "ill", "target": {"kind": "Deployment"}, "mergePatch": {"spec": {"template": {"metadata": {"labels": {"testbed/unready": "true"}}}}}},
    ])  # fmt: skip
    sandbox.on_blue(deployment("web"), service("web"))
    until(lambda: (sandbox.blue("Deployment", "web").get("status") or {}).get("availableReplicas") == 1)
    sandbox.run("copy")
    result = sandbox.json("validate")
    assert result.code == 3
    assert findings(result, "readiness") == {f"Deployment.apps/{sandbox.namespace}/web": "failure"}
    assert findings(result, "endpoints") == {f"Service/{sandbox.namespace}/web": "failure"}


def test_what_is_ill_on_blue_too_is_a_warning(sandbox: Sandbox) -> None:
    """Green is not asked for more than blue: the same illness on both sides does not block."""
    sandbox.on_blue(deployment("web", 1, **{"testbed/unready": "true"}))
    sandbox.run("copy")
    result = sandbox.json("validate")
    assert result.code == 0, result.out
    assert findings(result, "readiness") == {f"Deployment.apps/{sandbox.namespace}/web": "warning"}


def test_validate_asks_the_persons_probes(sandbox: Sandbox) -> None:
    """HTTP, TCP and command probes; one that hangs is a failure within its timeout."""
    sandbox.on_blue(config_map("a"))
    sandbox.run("copy")
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as silent:
        port = silent.server_address[1]
        sandbox.configure(
            gates={"readyTimeout": "2s"},
            probes=[
                {"name": "hangs", "http": {"url": f"http://127.0.0.1:{port}/"}, "timeout": "1s"},
                {"name": "open", "tcp": {"host": "127.0.0.1", "port": port}},
                {"name": "bad", "command": ["sh", "-c", "echo not yet; exit 3"]},
                {"name": "slow", "command": ["sleep", "60"], "timeout": "1s"},
            ],
        )
        result = sandbox.json("validate")
    assert findings(result, "probe") == {"hangs": "failure", "open": "ok", "bad": "failure", "slow": "failure"}
    reasons = {item["subject"]: item["reason"] for item in result.document["findings"]}
    assert "no answer within 1 s" in reasons["hangs"]
    assert reasons["bad"].startswith("`sh` ended with 3")
    assert "it said: not yet" in sandbox.run("validate").out


@contextmanager
def registry(architectures: dict[str, list[str]]) -> Iterator[int]:
    """Serve image indexes as a registry does: a stand-in that speaks the read half of the distribution protocol."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = architectures.get(self.path.split("/")[2])
            body = json.dumps({"manifests": [{"platform": {"architecture": name}} for name in found or []]}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_images_are_checked_for_greens_architecture(sandbox: Sandbox) -> None:
    """An image without green's architecture fails; one whose registry does not tell is unknown, never guessed."""
    with registry({"both": ["amd64", "arm64"], "amd": ["amd64"]}) as port:
        for name in ("both", "amd", "lost"):
            manifest = deployment(name)
            manifest["spec"]["template"]["spec"]["containers"][0]["image"] = f"127.0.0.1:{port}/{name}:1"
            sandbox.on_blue(manifest)
        # A person's file names it: else nobody asks what listens on their own machine.
        sandbox.configure(map={"registries": {f"127.0.0.1:{port}": f"127.0.0.1:{port}"}})
        sandbox.run("copy")
        result = sandbox.json("validate")
    assert findings(result, "images") == {f"127.0.0.1:{port}/amd:1": "failure", f"127.0.0.1:{port}/lost:1": "unknown"}


def test_hooks_run_and_stop_the_verb(sandbox: Sandbox) -> None:
    """A hook that fails stops the copy before anything is written."""
    sandbox.on_blue(config_map("a"))
    sandbox.configure(hooks={"beforeCopy": [["sh", "-c", "echo no backup; exit 1"]]})
    result = sandbox.run("copy")
    assert (result.code, "no backup" in result.err) == (1, True)
    assert sandbox.absent("Namespace", sandbox.namespace)
    sandbox.configure(hooks={"beforeCopy": [["touch", "before"]], "afterCopy": [["touch", "after"]]})
    assert sandbox.run("copy").code == 0
    assert (sandbox.folder / "before").exists()
    assert (sandbox.folder / "after").exists()


def test_unattended_use_needs_yes(sandbox: Sandbox) -> None:
    """Where nobody can answer, a question is an error and not a hang."""
    sandbox.on_blue(config_map("a"))
    sandbox.run("copy")
    done = subprocess.run(
        [sys.executable, "-m", "migrator", "retire"],
        cwd=sandbox.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "give --yes" in done.stderr) == (2, True), done.stderr
