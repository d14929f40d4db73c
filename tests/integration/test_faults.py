"""Bad input and faults: one clear line, nothing lost, nothing doubled."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from migrator.model.manifest import ref_of
from migrator.testbed.waiting import PATIENCE_SECONDS
from tests.support.objects import config_map, deployment, made, service
from tests.support.outages import outage
from tests.support.sandbox import TYPES, Sandbox, events, freeze_when, one_line, until


def fill(sandbox: Sandbox, count: int) -> None:
    """Create many ConfigMaps on blue."""
    with ThreadPoolExecutor(16) as pool:
        bodies = [orjson.dumps(sandbox.placed(config_map(f"item-{number:04}"))) for number in range(count)]
        list(pool.map(lambda body: sandbox.pair.blue.create(TYPES["ConfigMap"], sandbox.namespace, body, manager="bench"), bodies))


def on_green(sandbox: Sandbox) -> set[str]:
    """Return which of these ConfigMaps green has."""
    found = (str(ref_of(item)) for item in sandbox.pair.green.list(TYPES["ConfigMap"], sandbox.namespace))
    return {name for name in found if "/item-" in name}


def brought(sandbox: Sandbox) -> int:
    """Return how many of these ConfigMaps green has."""
    return len(on_green(sandbox))


def rewrite(sandbox: Sandbox, side: str, change: Callable[[dict[str, object]], None]) -> None:
    """Give one side a kubeconfig of its own with something wrong in it."""
    content = yaml.safe_load(sandbox.pair.kubeconfig.read_text())
    entry = {
        "cluster": next(item["cluster"] for item in content["clusters"] if item["name"] == side),
        "user": next(item["user"] for item in content["users"] if item["name"] == side),
    }
    change(entry)
    file = sandbox.folder / f"{side}.kubeconfig"
    file.write_text(yaml.safe_dump(content))
    sandbox.configure(**{side: {"kubeconfig": str(file), "context": side}})


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda entry: entry["cluster"].update(server="https://127.0.0.1:1"), 1, "cannot be reached"),
        (
            lambda entry: entry["user"].update({"client-certificate-data": "", "client-key-data": "", "token": "expired"}),
            1,
            "answered 401",
        ),
        (lambda entry: entry["cluster"].update({"server": "https://no-such-host.invalid:6443"}), 1, "cannot be reached"),
    ],
    ids=["unreachable", "credentials", "unknown-host"],
)
def test_a_cluster_out_of_reach(sandbox: Sandbox, change: Callable[[dict[str, object]], None], code: int, words: str) -> None:
    """An unreachable server and expired credentials are one line each, with what to check."""
    rewrite(sandbox, "green", change)
    result = sandbox.run("plan")
    assert (result.code, words in one_line(result)) == (code, True), result.err
    assert "→" in result.err


def test_a_client_certificate_that_expired(sandbox: Sandbox) -> None:
    """Yesterday's credentials are one line that says which side refused them."""
    folder = sandbox.pair.testbed.folder / "green"
    key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().issuer_name(authority.subject).public_key(key.public_key()).serial_number(7)
    builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "late")]))
    certificate = builder.not_valid_before(now - timedelta(days=2)).not_valid_after(now - timedelta(days=1)).sign(signer, SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    inline = {
        "client-certificate-data": base64.b64encode(certificate.public_bytes(Encoding.PEM)).decode(),
        "client-key-data": base64.b64encode(secret).decode(),
    }
    rewrite(sandbox, "green", lambda entry: entry["user"].update(inline))  # type: ignore[attr-defined]
    result = sandbox.run("plan")
    assert (result.code, "green" in one_line(result), "answered 401" in one_line(result)) == (1, True, True), result.err


def test_wrong_authority(sandbox: Sandbox) -> None:
    """A server whose certificate another authority signed is not talked to."""
    content = yaml.safe_load(sandbox.pair.kubeconfig.read_text())
    other = next(item["cluster"]["certificate-authority-data"] for item in content["clusters"] if item["name"] == "blue")
    rewrite(sandbox, "green", lambda entry: entry["cluster"].update({"certificate-authority-data": other}))  # type: ignore[attr-defined]
    assert "is not signed by the authority in the kubeconfig" in one_line(sandbox.run("plan"))


def test_context_that_does_not_exist(sandbox: Sandbox) -> None:
    """The contexts that are there are named."""
    sandbox.configure(green={"context": "gren"})
    result = sandbox.run("plan")
    assert (result.code, "gren" in one_line(result)) == (2, True)
    assert "contexts there: blue, green" in result.err


def test_blue_and_green_the_same(sandbox: Sandbox) -> None:
    """A cluster cannot be moved onto itself, under whatever address; once that is corrected, the migration begins."""
    sandbox.configure(green={"context": "blue"})
    result = sandbox.run("copy")
    assert (result.code, "the same cluster" in one_line(result)) == (3, True)
    sandbox.configure()
    assert sandbox.run("plan").code == 0


def test_green_older_than_blue(sandbox: Sandbox) -> None:
    """Downhill only with a flag."""
    sandbox.configure(
        blue={"context": "green"},
        green={"context": "blue"},
        move={"kinds": {"include": ["Namespace"]}, "namespaces": {"include": ["nothing"]}},
    )
    result = sandbox.run("plan")
    assert (result.code, "older than blue" in one_line(result)) == (3, True)
    assert sandbox.run("plan", "--allow-older").code == 0


def test_foreign_objects_are_left_alone(sandbox: Sandbox) -> None:
    """What green had before is a conflict, listed per field, until --force-conflicts."""
    sandbox.on_blue(
        config_map("mine", {"a": "blue", "b": "same"}), made("v1", "Secret", "key", stringData={"value": "blue-secret"})
    )
    sandbox.on_green(made("v1", "Namespace", sandbox.namespace))
    sandbox.on_green(
        config_map("mine", {"a": "green", "b": "same"}), made("v1", "Secret", "key", stringData={"value": "green-secret"})
    )
    result = sandbox.json("copy")
    assert result.code == 4
    problems = {item["object"].split("/")[0]: item for item in result.document["problems"]}
    assert problems["ConfigMap"]["fields"] == [{"path": "data.a", "green": "green", "wanted": "blue"}]
    assert problems["Secret"]["fields"] == [{"path": "data.value", "green": "(hidden)", "wanted": "(hidden)"}]
    assert sandbox.green("ConfigMap", "mine")["data"]["a"] == "green"
    assert sandbox.run("copy", "--force-conflicts").code == 0
    assert sandbox.green("ConfigMap", "mine")["data"]["a"] == "blue"


def test_a_foreign_object_stays_foreign(sandbox: Sandbox) -> None:
    """An object that was equal on both sides by chance is not ours: when blue changes it is a conflict, not an update."""
    sandbox.on_blue(config_map("same", {"a": "1"}))
    sandbox.on_green(made("v1", "Namespace", sandbox.namespace), config_map("same", {"a": "1"}))
    assert sandbox.run("copy").code == 0
    sandbox.pair.blue.patch(TYPES["ConfigMap"], sandbox.namespace, "same", {"data": {"a": "2"}}, manager="kubectl-edit")
    assert sandbox.json("copy").document["problems"][0]["action"] == "conflict"
    assert sandbox.green("ConfigMap", "same")["data"] == {"a": "1"}


def test_changes_on_green_are_not_overwritten(sandbox: Sandbox) -> None:
    """What a person changed on green after the copy is a conflict, also when blue has changed too."""
    sandbox.on_blue(config_map("a", {"x": "1"}), config_map("b", {"x": "1"}))
    sandbox.run("copy")
    for name in ("a", "b"):
        sandbox.pair.green.patch(TYPES["ConfigMap"], sandbox.namespace, name, {"data": {"x": "hot fix"}}, manager="kubectl-edit")
    sandbox.pair.blue.patch(TYPES["ConfigMap"], sandbox.namespace, "b", {"data": {"x": "2"}}, manager="kubectl-edit")
    result = sandbox.json("copy")
    assert {item["object"].split("/")[-1] for item in result.document["problems"]} == {"a", "b"}
    assert [sandbox.green("ConfigMap", name)["data"]["x"] for name in ("a", "b")] == ["hot fix", "hot fix"]
    sandbox.run("copy", "--force-conflicts")
    assert [sandbox.green("ConfigMap", name)["data"]["x"] for name in ("a", "b")] == ["1", "2"]


def test_prune_deletes_only_what_it_made(sandbox: Sandbox) -> None:
    """What is gone from blue goes from green with --prune, never what others made there."""
    sandbox.on_blue(config_map("gone"), config_map("stays"))
    sandbox.run("copy")
    sandbox.on_green(config_map("foreign"))
    sandbox.pair.blue.delete(
        TYPES["ConfigMap"], sandbox.namespace, "gone", uid=sandbox.blue("ConfigMap", "gone")["metadata"]["uid"]
    )
    assert sandbox.json("copy").document["goneFromBlue"] == [f"ConfigMap/{sandbox.namespace}/gone"]
    assert not sandbox.absent("ConfigMap", "gone")
    result = sandbox.json("copy", "--prune", "--yes")
    assert result.document["counts"] == {"unchanged": 2, "deleted": 1}
    assert sandbox.absent("ConfigMap", "gone")
    assert not sandbox.absent("ConfigMap", "foreign")
    assert not sandbox.absent("ConfigMap", "stays")


def test_prune_keeps_a_namespace_that_others_use(sandbox: Sandbox) -> None:
    """Its deletion would take their objects along; once they are gone, it goes too."""
    name = sandbox.namespace
    sandbox.on_blue(config_map("a"), deployment("web"), service("web"))
    sandbox.run("copy")
    until(lambda: any(sandbox.pair.green.list(TYPES["Pod"], name)))
    theirs = sandbox.on_green(made("v1", "Secret", "made-by-green-team"))[0]
    blue = sandbox.pair.blue.get(TYPES["Namespace"], "", name)
    sandbox.pair.blue.delete(TYPES["Namespace"], "", name, uid=blue["metadata"]["uid"])
    until(lambda: not any(item["metadata"]["name"] == name for item in sandbox.pair.blue.list(TYPES["Namespace"])))
    assert sandbox.run("copy", "--prune").code == 2
    kept = sandbox.json("copy", "--prune", "--yes")
    assert (kept.code, kept.document["counts"]) == (4, {"deleted": 3, "blocked": 1})
    assert kept.document["problems"][0]["message"].endswith(f"does not delete: Secret/{name}/made-by-green-team")
    sandbox.pair.green.delete(TYPES["Secret"], name, "made-by-green-team", uid=theirs["metadata"]["uid"])
    done = sandbox.json("copy", "--prune", "--yes")
    assert (done.code, done.document["counts"]) == (0, {"deleted": 1})


def test_prune_keeps_what_was_only_left_out(sandbox: Sandbox) -> None:
    """An object that is excluded now is still on blue: it is not deleted from green."""
    sandbox.on_blue(config_map("excluded"))
    sandbox.run("copy")
    sandbox.configure(move={"objects": {"exclude": [{"kind": "ConfigMap", "name": "excluded"}]}})
    assert sandbox.run("copy", "--prune", "--yes").code == 0
    assert not sandbox.absent("ConfigMap", "excluded")


def test_killed_copy_goes_on(sandbox: Sandbox) -> None:
    """Kill -9 in the middle of a wave: the next run brings the rest, and nothing twice."""
    fill(sandbox, 600)
    child = sandbox.start("copy")
    freeze_when(child, lambda: brought(sandbox) > 20)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert 20 < brought(sandbox) < 600
    unfinished = sandbox.json("status").document["unfinished"]
    assert unfinished
    result = sandbox.json("copy")
    assert result.code == 0, result.out
    assert brought(sandbox) == 600
    assert sum(result.document["counts"].values()) == 601
    assert sandbox.json("status").document["unfinished"] == []
    made_by_us = {line["ref"] for line in sandbox.events("outcome") if line["made"]}
    assert len(made_by_us) == 601


def test_interrupted_copy_goes_on(sandbox: Sandbox) -> None:
    """^C ends with one line and 130; the next run finishes."""
    fill(sandbox, 400)
    child = sandbox.start("copy")
    freeze_when(child, lambda: brought(sandbox) > 20)
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGCONT)
    _, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 130, err
    assert b"Traceback" not in err
    assert sandbox.run("copy").code == 0
    assert brought(sandbox) == 400


def test_api_server_restarts_in_the_middle(sandbox: Sandbox) -> None:
    """An API server that goes away and comes back costs time, no object."""
    fill(sandbox, 500)
    child = sandbox.start("copy", "-o", "json")
    freeze_when(child, lambda: brought(sandbox) > 20)
    with outage(sandbox.pair, "green/kube-apiserver", sandbox.pair.green.healthy) as refuse_one:
        child.send_signal(signal.SIGCONT)
        refuse_one()
        # The start may take longer on a busy machine than the copy waits for a server.
        child.send_signal(signal.SIGSTOP)
    child.send_signal(signal.SIGCONT)
    out, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 0, (out + err).decode()
    assert brought(sandbox) == 500


def test_two_runs_at_once(sandbox: Sandbox) -> None:
    """The journal keeps two runs on one machine apart, the Lease on green two people."""
    sandbox.on_blue(config_map("a"))
    waiting, go = sandbox.folder / "waiting", sandbox.folder / "go"
    # The first run holds both for as long as its hook runs.
    hook = ["sh", "-c", f"touch {waiting}; while [ ! -e {go} ]; do sleep 0.1; done"]
    sandbox.configure(hooks={"beforeCopy": [hook]})
    child = sandbox.start("copy")
    try:
        until(waiting.exists)
        assert "another run of migrator is using it" in one_line(sandbox.run("copy"))
        result = sandbox.run("copy", "--state-dir", str(sandbox.folder / "elsewhere"))
    finally:
        go.touch()
        _, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert (result.code, "is locked by" in one_line(result)) == (3, True)
    assert child.returncode == 0, err


def test_approved_plan_no_longer_holds(sandbox: Sandbox) -> None:
    """`copy --plan` names what changed on blue since, and writes nothing."""
    sandbox.on_blue(config_map("a"), made("v1", "Secret", "s", stringData={"k": "v"}))
    assert sandbox.run("plan", "--out", "plan.json").code == 0
    assert b"dg==" not in (sandbox.folder / "plan.json").read_bytes()
    sandbox.pair.blue.patch(TYPES["Secret"], sandbox.namespace, "s", {"stringData": {"k": "w"}}, manager="kubectl")
    sandbox.on_blue(config_map("b"))
    result = sandbox.run("copy", "--plan", "plan.json")
    assert result.code == 3
    assert f"ConfigMap/{sandbox.namespace}/b (new), Secret/{sandbox.namespace}/s (changed)" in one_line(result)
    assert not _exists(sandbox)
    sandbox.run("plan", "--out", "plan.json")
    assert sandbox.run("copy", "--plan", "plan.json").code == 0


def test_refused_objects_do_not_stop_others(sandbox: Sandbox) -> None:
    """A refusal carries the server's words; the other objects go on, and the exit code tells."""
    sandbox.on_green(made("v1", "Namespace", sandbox.namespace))
    sandbox.on_green(made("v1", "ResourceQuota", "full", spec={"hard": {"configmaps": "2"}}))
    until(lambda: bool(sandbox.green("ResourceQuota", "full").get("status", {}).get("used")))
    sandbox.on_blue(config_map("a"), config_map("b"), deployment("web"))
    result = sandbox.json("copy")
    assert result.code == 4
    assert "exceeded quota: full" in result.document["problems"][0]["message"]
    assert len(result.document["problems"]) == 1
    assert not sandbox.absent("Deployment", "web")


def test_webhook_waits_for_its_backend(sandbox: Sandbox) -> None:
    """A webhook whose backend has no ready endpoint is not created; once it has one, the next copy brings it."""
    name = f"hook-{sandbox.namespace}"
    hook = {
        "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Fail",
        "clientConfig": {"service": {"namespace": sandbox.namespace, "name": "guard"}},
        "objectSelector": {"matchLabels": {"never": "there"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
    }  # fmt: skip
    include = ["Deployment", "Service", "Namespace", "ValidatingWebhookConfiguration"]
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": include}})
    sandbox.on_blue(
        deployment("guard", 1, **{"testbed/unready": "true"}),
        service("guard"),
        made("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name, webhooks=[hook]),
    )
    result = sandbox.json("copy")
    problem = next(item for item in result.document["problems"] if item["object"].endswith(name))
    assert (result.code, problem["action"]) == (4, "blocked")
    assert f"Service {sandbox.namespace}/guard has no ready endpoint on green after 2 s" in problem["message"]
    assert sandbox.absent("ValidatingWebhookConfiguration", name)
    patch = {"spec": {"template": {"metadata": {"labels": {"testbed/unready": None}}}}}
    sandbox.pair.blue.patch(TYPES["Deployment"], sandbox.namespace, "guard", patch, manager="kubectl")
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": include}}, gates={"backendTimeout": "30s"})
    copied = sandbox.json("copy")
    assert name not in str(copied.document["problems"]), copied.err
    assert not sandbox.absent("ValidatingWebhookConfiguration", name)
    uid = sandbox.green("ValidatingWebhookConfiguration", name)["metadata"]["uid"]
    sandbox.pair.green.delete(TYPES["ValidatingWebhookConfiguration"], "", name, uid=uid)
    uid = sandbox.blue("ValidatingWebhookConfiguration", name)["metadata"]["uid"]
    sandbox.pair.blue.delete(TYPES["ValidatingWebhookConfiguration"], "", name, uid=uid)


def test_journal_of_other_clusters_is_refused(sandbox: Sandbox) -> None:
    """A journal is tied to its two clusters."""
    sandbox.on_blue(config_map("a"))
    sandbox.run("copy")
    sandbox.configure(blue={"context": "green"}, green={"context": "blue"})
    result = sandbox.run("plan", "--allow-older")
    assert (result.code, "another blue cluster" in one_line(result)) == (3, True)


def test_disk_full_while_journalling(sandbox: Sandbox) -> None:
    """When a change cannot be announced it is not made."""
    mount = sandbox.folder / "small"
    mount.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(mount)], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        fill(sandbox, 300)
        result = sandbox.run("copy", "--state-dir", str(mount))
        assert (result.code, "cannot be written" in one_line(result)) == (3, True), result.err
        announced = {ref for wave in events(mount / "journal.jsonl", "wave") for ref in wave["create"]}
        assert not on_green(sandbox) - announced
        assert len(on_green(sandbox)) < 300
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert sandbox.run("copy").code == 0
    assert brought(sandbox) == 300


def _exists(sandbox: Sandbox) -> bool:
    return not sandbox.absent("Namespace", sandbox.namespace)
