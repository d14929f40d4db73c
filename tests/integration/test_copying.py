"""What copying gets right, on the real pair of API servers."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import orjson
import pytest
import yaml

from migrator.adapters.commands import run
from migrator.model.manifest import get
from migrator.model.ref import ResourceType
from tests.support.objects import config_map, crd, cron_job, deployment, job, made, pod_template, service
from tests.support.sandbox import TYPES, Sandbox, until

STORAGE_CLASSES = ResourceType("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False, verbs=frozenset())
# Of the first 256 addresses (KEP-3070) and the first 86 ports (KEP-3668): API servers give none of them to the Services of other tests.
CHOSEN_ADDRESS, CHOSEN_ADDRESS_2 = "10.96.0.77", "10.96.0.78"
CHOSEN_PORT = 30077


def test_copy_brings_objects_and_repeats_nothing(sandbox: Sandbox) -> None:
    """A first copy creates, a second one with nothing changed writes nothing."""
    sandbox.on_blue(config_map("a"), deployment("web", 2), service("web"))
    first = sandbox.json("copy")
    assert (first.code, first.document["counts"]) == (0, {"created": 4}), first.err
    version = sandbox.green("ConfigMap", "a")["metadata"]["resourceVersion"]
    second = sandbox.json("copy")
    assert (second.code, second.document["counts"]) == (0, {"unchanged": 4}), second.err
    assert sandbox.green("ConfigMap", "a")["metadata"]["resourceVersion"] == version


def test_copy_leaves_no_marks_of_its_own(sandbox: Sandbox) -> None:
    """Labels and annotations of the person arrive as they are, and nothing beside them."""
    sandbox.on_blue(config_map("a", labels={"team": "x"}, annotations={"note": "y"}))
    assert sandbox.run("copy").code == 0
    metadata = sandbox.green("ConfigMap", "a")["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({"team": "x"}, {"note": "y"})


def test_bindings_that_let_in_everybody_are_told_or_stay(sandbox: Sandbox) -> None:
    """A wildcard Role for every account of the cluster, a narrow one for everybody without a login."""
    group, kind = "rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1"
    role = {"apiGroup": group, "kind": "Role", "name": "owner"}
    everybody, accounts = (
        {"apiGroup": group, "kind": "Group", "name": f"system:{name}"} for name in ("unauthenticated", "authenticated")
    )
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    sandbox.on_blue(
        made(kind, "Role", "owner", rules=rules),
        made(kind, "RoleBinding", "accounts", roleRef=role, subjects=[accounts]),
        made(kind, "RoleBinding", "everybody", roleRef={**role, "kind": "ClusterRole", "name": "view"}, subjects=[everybody]),
    )
    warnings = sandbox.json("plan").document["warnings"]
    assert ["/accounts gives Role owner, which may do everything" in text for text in warnings] == [True, False]
    assert "/everybody gives ClusterRole view to system:unauthenticated" in warnings[1]
    sandbox.configure(move={"dangerousBindings": "block"})
    result = sandbox.json("plan")
    assert (result.code, result.document["counts"]["blocked"]) == (3, 2)


def test_copy_brings_only_what_changed(sandbox: Sandbox) -> None:
    """A change on blue, a removed key too, arrives with the next copy."""
    sandbox.on_blue(config_map("a", {"one": "1", "two": "2"}), config_map("b"))
    sandbox.run("copy")
    sandbox.pair.blue.patch(TYPES["ConfigMap"], sandbox.namespace, "a", {"data": {"one": None, "two": "3"}}, manager="kubectl-edit")
    result = sandbox.json("copy")
    assert result.document["counts"] == {"changed": 1, "unchanged": 2}
    assert sandbox.green("ConfigMap", "a")["data"] == {"two": "3"}


@pytest.mark.parametrize("mode", ["client-side", "server-side"])
def test_field_ownership_carries_over(sandbox: Sandbox, kubectl: str, mode: str) -> None:
    """After copying, `kubectl apply` of the original manifests on green reports no change and no conflict."""
    manifests = [config_map("settings"), deployment("web", 2), service("web", type="NodePort"), cron_job("nightly", suspend=True)]
    file = sandbox.folder / "app.yaml"
    file.write_text(yaml.safe_dump_all([sandbox.placed(item) for item in manifests]))
    flags = ["--server-side"] if mode == "server-side" else []

    def kube(context: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [kubectl, f"--kubeconfig={sandbox.pair.kubeconfig}", f"--context={context}", *arguments, *flags, "-f", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert kube("blue", "apply").returncode == 0
    result = sandbox.json("copy")
    assert result.code == 0, result.out
    # What a controller writes between the two reads of `kubectl diff` would be a difference.
    until(lambda: get(sandbox.green("Deployment", "web"), "status", "availableReplicas") == 2)
    difference = kube("green", "diff")
    assert (difference.returncode, difference.stdout) == (0, ""), difference.stdout + difference.stderr
    applied = kube("green", "apply")
    assert applied.returncode == 0, applied.stderr
    if mode == "client-side":
        assert applied.stdout.count("unchanged") == len(manifests), applied.stdout


def test_several_owners_of_fields_stay_owners(sandbox: Sandbox) -> None:
    """Where several managers own fields, managedFields name the same ones on green."""
    sandbox.on_blue(config_map("shared", {"a": "1"}), manager="alice")
    sandbox.pair.blue.patch(TYPES["ConfigMap"], sandbox.namespace, "shared", {"data": {"b": "2"}}, manager="bob")
    sandbox.run("copy")
    owners = {
        entry["manager"]: entry["fieldsV1"]["f:data"] for entry in sandbox.green("ConfigMap", "shared")["metadata"]["managedFields"]
    }
    assert set(owners) == {"alice", "bob"}
    assert "f:a" in owners["alice"]
    assert owners["bob"] == {"f:b": {}}


def test_owner_references_are_relinked(sandbox: Sandbox) -> None:
    """A child made by hand refers to its owner's UID on green; what a controller makes again is left to it."""
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    sandbox.on_blue(
        deployment("web"),
        config_map("child", owners=[owner]),
        config_map("grandchild", owners=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "child"}]),
    )
    until(lambda: any(True for _ in sandbox.pair.blue.list(TYPES["ReplicaSet"], sandbox.namespace)))
    plan = sandbox.json("plan")
    reasons = {
        item["reason"] for item in plan.document["objects"] if item["object"].startswith("ReplicaSet.apps/" + sandbox.namespace)
    }
    assert reasons == {"created again by the controller of its Deployment"}
    assert sandbox.run("copy").code == 0
    for child, kind, parent in (("child", "Deployment", "web"), ("grandchild", "ConfigMap", "child")):
        uid = sandbox.green("ConfigMap", child)["metadata"]["ownerReferences"][0]["uid"]
        assert uid == sandbox.green(kind, parent)["metadata"]["uid"]
    assert sandbox.json("copy").document["counts"] == {"unchanged": 4}


def test_lost_owners_are_dropped(sandbox: Sandbox) -> None:
    """A reference to an owner that stays on blue goes: green's garbage collector would delete the child."""
    sandbox.configure(move={"objects": {"exclude": [{"kind": "Deployment"}]}})
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    sandbox.on_blue(deployment("web"), config_map("child", owners=[owner]))
    entry = sandbox.json("plan").object(f"ConfigMap/{sandbox.namespace}/child")
    assert entry["transforms"] == ["lost-owners"]
    sandbox.run("copy")
    assert "ownerReferences" not in sandbox.green("ConfigMap", "child")["metadata"]


def test_service_addresses(sandbox: Sandbox) -> None:
    """Allocated addresses and ports are dropped, chosen ones kept, headless stays headless."""
    sandbox.on_blue(
        service("allocated", type="NodePort"),
        service("chosen", type="NodePort", clusterIP=CHOSEN_ADDRESS, ports=[{"name": "http", "port": 80, "nodePort": CHOSEN_PORT}]),
        service("headless", clusterIP="None"),
        service("balanced", type="LoadBalancer", externalTrafficPolicy="Local"),
    )
    body = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    balanced = {**sandbox.blue("Service", "balanced"), **body}
    sandbox.pair.blue.replace(
        TYPES["Service"], sandbox.namespace, "balanced", orjson.dumps(balanced), manager="cloud", subresource="status"
    )
    assert sandbox.run("copy").code == 0
    chosen = sandbox.green("Service", "chosen")["spec"]
    assert (chosen["clusterIP"], chosen["ports"][0]["nodePort"]) == (CHOSEN_ADDRESS, CHOSEN_PORT)
    assert sandbox.green("Service", "headless")["spec"]["clusterIP"] == "None"
    green, blue = sandbox.green("Service", "allocated")["spec"], sandbox.blue("Service", "allocated")["spec"]
    assert green["clusterIP"] != blue["clusterIP"]
    assert green["ports"][0]["nodePort"] != blue["ports"][0]["nodePort"]
    assert get(sandbox.green("Service", "balanced"), "status", "loadBalancer") == {}
    plan = sandbox.json("plan")
    assert plan.object(f"Service/{sandbox.namespace}/allocated")["transforms"] == ["service-allocations"]
    assert sandbox.json("copy").document["counts"] == {"unchanged": 5}


def test_service_address_taken_on_green_is_blocked(sandbox: Sandbox) -> None:
    """A chosen cluster IP that somebody has on green is named before anything is written."""
    sandbox.on_blue(service("chosen", clusterIP=CHOSEN_ADDRESS_2))
    sandbox.on_green({**service("other", clusterIP=CHOSEN_ADDRESS_2), "metadata": {"name": "other", "namespace": "default"}})
    result = sandbox.json("plan")
    assert result.code == 3
    assert "taken on green by Service/default/other" in result.object(f"Service/{sandbox.namespace}/chosen")["reason"]
    sandbox.pair.green.delete(
        TYPES["Service"], "default", "other", uid=sandbox.green("Service", "other", "default")["metadata"]["uid"]
    )


def test_accounts_and_tokens(sandbox: Sandbox) -> None:
    """Accounts move with pull secrets; a hand-made token Secret is signed by green; the default account is merged."""
    sandbox.on_blue(
        made(
            "v1",
            "Secret",
            "login",
            type="kubernetes.io/dockerconfigjson",
            data={".dockerconfigjson": base64.b64encode(b'{"auths":{}}').decode()},
        ),
        made("v1", "ServiceAccount", "robot", imagePullSecrets=[{"name": "login"}]),
        made(
            "v1",
            "Secret",
            "robot-key",
            type="kubernetes.io/service-account-token",
            annotations={"kubernetes.io/service-account.name": "robot"},
        ),
    )
    until(lambda: bool(sandbox.blue("Secret", "robot-key").get("data")))
    sandbox.pair.blue.patch(
        TYPES["ServiceAccount"], sandbox.namespace, "default", {"imagePullSecrets": [{"name": "login"}]}, manager="kubectl"
    )
    result = sandbox.json("copy")
    assert result.code == 0, result.out
    until(lambda: bool(sandbox.green("Secret", "robot-key").get("data")))
    assert sandbox.green("Secret", "robot-key")["data"]["token"] != sandbox.blue("Secret", "robot-key")["data"]["token"]
    assert sandbox.green("ServiceAccount", "robot")["imagePullSecrets"] == [{"name": "login"}]
    assert sandbox.green("ServiceAccount", "default")["imagePullSecrets"] == [{"name": "login"}]
    entry = sandbox.json("plan").object(f"ConfigMap/{sandbox.namespace}/kube-root-ca.crt")
    assert entry["reason"] == "published by green's own controller"


def test_finished_job_stays_finished(sandbox: Sandbox) -> None:
    """A finished Job arrives Complete, without a pod, and keeps its spec; a second copy leaves it alone."""
    sandbox.on_blue(job("once"))
    until(lambda: bool(get(sandbox.blue("Job", "once"), "status", "completionTime")))
    result = sandbox.json("copy")
    assert result.code == 0, result.out
    green = sandbox.green("Job", "once")
    assert [item["type"] for item in green["status"]["conditions"] if item["status"] == "True"][-1] == "Complete"
    assert green["status"]["completionTime"] == sandbox.blue("Job", "once")["status"]["completionTime"]
    assert not green["spec"].get("suspend")
    assert "managedBy" not in green["spec"]
    assert sandbox.json("copy").document["counts"] == {"unchanged": 2}
    assert list(sandbox.pair.green.list(TYPES["Pod"], sandbox.namespace)) == []


def test_running_job_is_blocked(sandbox: Sandbox) -> None:
    """A Job that runs on blue is named, with its hint, and does not start a second time on green."""
    sandbox.on_blue(job("long", **{"testbed/hold": "true"}))
    until(lambda: get(sandbox.blue("Job", "long"), "status", "active") == 1)
    entry = sandbox.json("plan").object(f"Job.batch/{sandbox.namespace}/long")
    assert (entry["decision"], entry["reason"]) == ("blocked", "is running on blue: it would run a second time on green")
    assert "wait until it has finished" in entry["cure"]
    result = sandbox.run("copy")
    assert result.code == 4
    assert sandbox.absent("Job", "long")


def test_cronjobs_arrive_suspended(sandbox: Sandbox) -> None:
    """A CronJob waits on green until cutover; the one that a person suspended is not remembered as ours."""
    sandbox.on_blue(cron_job("nightly"), cron_job("off", suspend=True))
    plan = sandbox.json("plan")
    assert plan.object(f"CronJob.batch/{sandbox.namespace}/nightly")["notes"] == [
        "is held on green (spec.suspend: true) and runs on blue until the cutover"
    ]
    assert "notes" not in plan.object(f"CronJob.batch/{sandbox.namespace}/off")
    sandbox.run("copy")
    assert sandbox.green("CronJob", "nightly")["spec"]["suspend"] is True
    assert not sandbox.blue("CronJob", "nightly")["spec"].get("suspend")


def test_claims_and_volumes(sandbox: Sandbox) -> None:
    """A hand-made volume and its claim bind on green; a claim whose data stays behind, as in a folder of a host, fails validation."""
    sandbox.configure(
        move={
            "clusterScoped": True,
            "kinds": {"include": ["PersistentVolume", "PersistentVolumeClaim", "Namespace", "StorageClass"]},
            "objects": {"exclude": [{"kind": "PersistentVolume", "name": "left-*"}]},
        }
    )
    name = sandbox.namespace
    for prefix, source in (
        ("pv", share := {"nfs": {"server": "nas.example.com", "path": "/x"}}),
        ("left", share),
        ("host", {"hostPath": {"path": "/srv/x"}}),
    ):
        spec = {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "", "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {"namespace": name, "name": f"{prefix}-claim"}, **source,
        }  # fmt: skip
        claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}
        sandbox.on_blue(
            made("v1", "PersistentVolume", f"{prefix}-{name}", spec=spec),
            made("v1", "PersistentVolumeClaim", f"{prefix}-claim", spec=claim),
        )
        until(lambda prefix=prefix: get(sandbox.blue("PersistentVolumeClaim", f"{prefix}-claim"), "status", "phase") == "Bound")  # type: ignore[misc]
    result = sandbox.json("copy")
    assert result.code == 0, result.out
    assert result.document["dataLeft"] == [f"{name}/host-claim", f"{name}/left-claim"]
    until(lambda: get(sandbox.green("PersistentVolumeClaim", "pv-claim"), "status", "phase") == "Bound")
    volume = sandbox.green("PersistentVolume", f"pv-{name}")
    assert volume["spec"]["claimRef"]["uid"] == sandbox.green("PersistentVolumeClaim", "pv-claim")["metadata"]["uid"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert "volumeName" not in sandbox.green("PersistentVolumeClaim", "left-claim")["spec"]
    sandbox.configure(gates={"readyTimeout": "1s"}, move={"kinds": {"include": ["PersistentVolumeClaim", "Namespace"]}})
    failures = [item for item in sandbox.json("validate").document["findings"] if item["check"] == "data"]
    assert {item["subject"] for item in failures} == {
        f"PersistentVolumeClaim/{name}/host-claim",
        f"PersistentVolumeClaim/{name}/left-claim",
        f"PersistentVolumeClaim/{name}/pv-claim",
    }


def test_missing_storage_class_is_blocked_and_can_be_mapped(sandbox: Sandbox) -> None:
    """A claim that had a volume of a class that green lacks is blocked; mapped, it moves with green's class."""
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "blue-disk",
        "volumeName": "gone",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    sandbox.on_blue(made("v1", "PersistentVolumeClaim", "data", spec=claim))
    assert (
        "green has no StorageClass blue-disk"
        in sandbox.json("plan").object(f"PersistentVolumeClaim/{sandbox.namespace}/data")["reason"]
    )
    green_class = f"green-{sandbox.namespace}"[:60]
    sandbox.pair.green.create(
        STORAGE_CLASSES,
        "",
        orjson.dumps(made("storage.k8s.io/v1", "StorageClass", green_class, provisioner="kubernetes.io/no-provisioner")),
        manager="kubectl",
    )
    sandbox.configure(map={"storageClasses": {"blue-disk": green_class}})
    assert sandbox.run("copy").code == 0
    assert sandbox.green("PersistentVolumeClaim", "data")["spec"]["storageClassName"] == green_class


def test_finalizers_without_controller_are_removed(sandbox: Sandbox) -> None:
    """A finalizer stays when its API group is on green or moves there, and goes otherwise."""
    group = f"{sandbox.namespace}.example.com"
    sandbox.configure(move={"clusterScoped": True, "kinds": {"include": ["CustomResourceDefinition", "ConfigMap", "Namespace"]}})
    sandbox.on_blue(
        crd("widgets", "Widget", group),
        config_map("kept", finalizers=[f"{group}/cleanup"]),
        config_map("freed", finalizers=["gone.example.org/cleanup"]),
    )
    plan = sandbox.json("plan")
    assert plan.object(f"ConfigMap/{sandbox.namespace}/freed")["transforms"] == ["finalizers"]
    assert sandbox.run("copy").code in (0, 4)
    assert sandbox.green("ConfigMap", "kept")["metadata"]["finalizers"] == [f"{group}/cleanup"]
    assert "finalizers" not in sandbox.green("ConfigMap", "freed")["metadata"]


def test_custom_resources_follow_their_definition(sandbox: Sandbox) -> None:
    """CRDs come first and are waited for; a resource is read at a version that both serve; a large one travels."""
    group = f"{sandbox.namespace}.example.com"
    sandbox.configure(
        move={
            "clusterScoped": True,
            "kinds": {"include": ["CustomResourceDefinition", "Widget", "Namespace"]},
            "objects": {"exclude": [{"kind": "CustomResourceDefinition", "name": "campaigns*"}]},
        }
    )
    large = {"text": "x" * 400_000}
    sandbox.on_blue(
        crd("widgets", "Widget", group, ("v2", "v1")),
        made(f"{group}/v1", "Widget", "small", spec={"size": 1}),
        made(f"{group}/v2", "Widget", "large", spec=large),
    )
    result = sandbox.json("copy")
    assert [item for item in result.document["problems"] if sandbox.namespace in item["object"]] == []
    widgets = ResourceType(group, "v2", "widgets", "Widget", namespaced=True, verbs=frozenset())
    assert sandbox.pair.green.get(widgets, sandbox.namespace, "large")["spec"] == large
    assert sandbox.pair.green.get(widgets, sandbox.namespace, "small")["spec"] == {"size": 1}


def test_kinds_that_green_does_not_serve_are_blocked(sandbox: Sandbox) -> None:
    """A kind whose definition stays behind is blocked with a hint, not lost in a log."""
    group = f"{sandbox.namespace}.example.com"
    sandbox.on_blue(crd("gadgets", "Gadget", group), made(f"{group}/v1", "Gadget", "one", spec={}))
    result = sandbox.json("plan")
    entry = result.object(f"Gadget.{group}/{sandbox.namespace}/one")
    assert (result.code, entry["decision"]) == (3, "blocked")
    assert entry["reason"] == f"green does not serve Gadget.{group}"
    assert "move its CRD too" in entry["cure"]


def test_hand_made_endpoints_are_kept(sandbox: Sandbox) -> None:
    """Endpoints of a Service without selector are a person's own and move; those of a selector are made again."""
    slice_ = made(
        "discovery.k8s.io/v1", "EndpointSlice", "erp-1", labels={"kubernetes.io/service-name": "erp"}, addressType="IPv4",
        endpoints=[{"addresses": ["192.0.2.9"]}], ports=[{"name": "http", "port": 80, "protocol": "TCP"}],
    )  # fmt: skip
    sandbox.on_blue(service("erp", selector=None), slice_, service("web"), deployment("web"))
    until(lambda: len(list(sandbox.pair.blue.list(TYPES["EndpointSlice"], sandbox.namespace))) >= 2)
    plan = sandbox.json("plan")
    reasons = {item.get("reason") for item in plan.document["objects"] if item["object"].startswith("EndpointSlice")}
    assert "created again by the EndpointSlice controller" in reasons
    assert sandbox.run("copy").code == 0
    assert sandbox.green("EndpointSlice", "erp-1")["endpoints"][0]["addresses"] == ["192.0.2.9"]


def test_namespace_mapping_reaches_references(sandbox: Sandbox) -> None:
    """Subjects, selectors and the namespace itself get green's name."""
    target = f"{sandbox.namespace}-new"
    sandbox.configure(map={"namespaces": {sandbox.namespace: target}})
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": sandbox.namespace}}}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": sandbox.namespace}
    sandbox.on_blue(
        made("rbac.authorization.k8s.io/v1", "RoleBinding", "viewers", roleRef=role, subjects=[subject]),
        made("networking.k8s.io/v1", "NetworkPolicy", "inside", spec={"podSelector": {}, "ingress": [{"from": peers}]}),
        config_map("urls", {"url": f"http://web.{sandbox.namespace}.svc:80", "namespace": sandbox.namespace}),
    )
    plan = sandbox.json("plan")
    assert "not rewritten" in plan.object(f"ConfigMap/{sandbox.namespace}/urls")["notes"][0]
    assert sandbox.run("copy").code == 0
    assert sandbox.green("RoleBinding", "viewers", target)["subjects"][0]["namespace"] == target
    peer = sandbox.green("NetworkPolicy", "inside", target)["spec"]["ingress"][0]["from"][0]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": target}
    assert sandbox.green("ConfigMap", "urls", target)["data"]["namespace"] == sandbox.namespace
    assert sandbox.json("copy").document["counts"] == {"unchanged": 4}


def test_registry_mapping_and_transforms(sandbox: Sandbox) -> None:
    """Images come from green's registry; the person's patches apply last and are named in the plan."""
    sandbox.configure(
        map={"registries": {"registry.example.com/team": "mirror.example.org/team"}},
        transforms=[
            {
                "name": "more",
                "target": {"kind": "Deployment"},
                "jsonPatch": [{"op": "replace", "path": "/spec/replicas", "value": 3}],
            },
            {
                "name": "quiet",
                "target": {"kind": "ConfigMap", "name": "set*"},
                "mergePatch": {"data": {"level": "error", "old": None}},
            },
        ],
    )
    sandbox.on_blue(deployment("web", 1), config_map("settings", {"level": "info", "old": "x"}), config_map("other"))
    plan = sandbox.json("plan")
    assert plan.object(f"Deployment.apps/{sandbox.namespace}/web")["transforms"] == [
        "controller-annotations",
        "image-registry",
        "transform:more",
    ]
    assert sandbox.run("copy").code == 0
    web = sandbox.green("Deployment", "web")["spec"]
    assert (web["replicas"], web["template"]["spec"]["containers"][0]["image"]) == (3, "mirror.example.org/team/app:1")
    assert sandbox.green("ConfigMap", "settings")["data"] == {"level": "error"}


def test_bare_pods_are_scheduled_anew(sandbox: Sandbox) -> None:
    """A pod without controller runs on a node of green, with a token volume of green's making."""
    sandbox.on_blue(made("v1", "Pod", "bare", spec=pod_template("bare")["spec"]))
    until(lambda: get(sandbox.blue("Pod", "bare"), "status", "phase") == "Running")
    result = sandbox.json("copy")
    assert result.code == 0, result.out
    until(lambda: str(get(sandbox.green("Pod", "bare"), "spec", "nodeName")).startswith("green-"))


def test_names_with_every_legal_character(sandbox: Sandbox) -> None:
    """Names that need escaping in a URL travel."""
    rbac = "rbac.authorization.k8s.io/v1"
    name = "a:b.c-d@e+f=g,h;i!j$k'l(m)n*o~p q"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    sandbox.on_blue(made(rbac, "Role", name, rules=[]), made(rbac, "RoleBinding", name, roleRef=role, subjects=[]))
    result = sandbox.json("copy")
    assert (result.code, result.document["counts"]) == (0, {"created": 3}), result.out
    assert sandbox.json("copy").document["counts"] == {"unchanged": 3}


def test_two_thousand_config_maps(sandbox: Sandbox) -> None:
    """A namespace with 2,000 ConfigMaps travels whole."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        bodies = [orjson.dumps(sandbox.placed(config_map(f"item-{number:04}"))) for number in range(2000)]
        list(pool.map(lambda body: sandbox.pair.blue.create(TYPES["ConfigMap"], sandbox.namespace, body, manager="bench"), bodies))
    assert sandbox.json("copy").document["counts"] == {"created": 2001}
    assert sum(1 for _ in sandbox.pair.green.list(TYPES["ConfigMap"], sandbox.namespace)) == 2001  # and kube-root-ca.crt


def test_ten_thousand_objects(sandbox: Sandbox) -> None:
    """A large cluster travels whole, and a second copy writes nothing."""
    from concurrent.futures import ThreadPoolExecutor

    def one(number: int) -> None:
        if number % 4:
            manifest = config_map(f"item-{number:05}")
            sandbox.pair.blue.create(TYPES["ConfigMap"], sandbox.namespace, orjson.dumps(sandbox.placed(manifest)), manager="bench")
        else:
            secret = sandbox.placed(made("v1", "Secret", f"item-{number:05}", stringData={"key": "value"}))
            sandbox.pair.blue.create(TYPES["Secret"], sandbox.namespace, orjson.dumps(secret), manager="bench")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(10_000)))
    assert sandbox.json("copy").document["counts"] == {"created": 10_001}
    assert sandbox.json("copy").document["counts"] == {"unchanged": 10_001}
    green = sandbox.pair.green
    assert sum(1 for _ in green.list(TYPES["ConfigMap"], sandbox.namespace)) == 7_501  # and kube-root-ca.crt
    assert sum(1 for _ in green.list(TYPES["Secret"], sandbox.namespace)) == 2_500


def test_replicas_that_an_autoscaler_sets_are_no_change(sandbox: Sandbox) -> None:
    """What scales on green stays as it scaled: neither a conflict nor taken back, and the verdict does not mind."""
    scaler = made(
        "autoscaling/v2", "HorizontalPodAutoscaler", "web",
        spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 9},
    )  # fmt: skip
    sandbox.on_blue(deployment("web", 2), scaler)
    assert sandbox.run("copy").code == 0
    sandbox.pair.green.patch(TYPES["Deployment"], sandbox.namespace, "web", {"spec": {"replicas": 4}}, manager="autoscaler")
    again = sandbox.json("copy")
    assert again.code == 0, again.err
    assert sandbox.green("Deployment", "web")["spec"]["replicas"] == 4
    findings = sandbox.json("validate").document["findings"]
    assert [item for item in findings if item["severity"] == "failure" and "Deployment" in item["subject"]] == []


def test_helm_lists_its_releases_on_green(sandbox: Sandbox, helm: str, tmp_path: Path) -> None:
    """A release that real Helm made on blue is one for real Helm on green."""
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.2.3\n")
    (chart / "templates/map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {key: {{ .Values.key }}}\n"
    )
    (chart / "values.yaml").write_text("key: value\n")

    def run_helm(context: str, *words: str) -> str:
        flags = ["--kubeconfig", str(sandbox.pair.kubeconfig), "--kube-context", context, "--namespace", sandbox.namespace]
        return run([helm, *words, *flags], environment={"HELM_CACHE_HOME": str(tmp_path), "HELM_CONFIG_HOME": str(tmp_path)})

    run_helm("blue", "install", "front", str(chart))
    assert sandbox.run("copy").code == 0
    (release,) = json.loads(run_helm("green", "list", "--output", "json"))
    assert (release["name"], release["chart"], release["status"]) == ("front", "shop-1.2.3", "deployed")
    run_helm("green", "upgrade", "front", str(chart), "--set", "key=other")
    assert sandbox.green("ConfigMap", "shop")["data"] == {"key": "other"}
