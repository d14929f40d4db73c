"""kube-proxy and CoreDNS as people have changed them: `kubeadm upgrade` writes both anew (kubeadm#3033, kubeadm#1954)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import Manifest, get
from migrator.model.proxy_settings import refused
from migrator.model.quantity import amount
from migrator.model.verdict import CheckName, Finding
from migrator.model.words import some
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn

# First minor in which it is deprecated (KEP-5495).
_IPVS_DEPRECATED = 35


class Usual(NamedTuple):
    """What kubeadm writes into the pods of an add-on (`kubeadm init phase addon NAME --print-manifest`)."""

    kind: str
    name: str
    patch: str
    """kubeadm's target of patches for it."""
    arguments: frozenset[str]
    variables: frozenset[str]
    volumes: frozenset[str]
    tolerated: frozenset[str]
    """Keys of the taints that it tolerates."""
    resources: Mapping[str, Mapping[str, str]]


USUAL = (
    Usual(
        "daemon_sets",
        "kube-proxy",
        "kubeproxydaemonset",
        frozenset({"/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)"}),
        frozenset({"NODE_NAME"}),
        frozenset({"kube-proxy", "xtables-lock", "lib-modules"}),
        frozenset({""}),
        {},
    ),
    Usual(
        "deployments",
        "coredns",
        "corednsdeployment",
        frozenset({"-conf", "/etc/coredns/Corefile"}),
        frozenset(),
        frozenset({"config-volume"}),
        frozenset({"CriticalAddonsOnly", "node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}),
        {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
    ),
)
_LINUX = {"kubernetes.io/os": "linux"}


def refused_settings(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find settings that kube-proxy refuses as it starts: its pods run on with those of before until an upgrade makes new ones."""
    config = facts.cluster.proxy_config if facts.hops and "kube-proxy" not in facts.cluster.missing_addons else {}
    for text in refused(config, facts.hops[-1].target.minor if facts.hops else 0):
        reason = f"has {printable(text)} in its ConfigMap, which kube-proxy of {facts.hops[-1].target} refuses: it would not start"
        yield fail(CheckName.ADDONS, "kube-proxy", reason, "correct config.conf in ConfigMap kube-system/kube-proxy")
    if config.get("mode") == "ipvs" and facts.hops[-1].target.minor >= _IPVS_DEPRECATED:
        reason = "runs in mode ipvs, which goes away in one of the next minors (KEP-5495; kubeadm#3309)"
        yield warn(
            CheckName.ADDONS, "kube-proxy", reason, "move to nftables, or to iptables on an old kernel, while it is still there"
        )


def edits(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find what was added to the add-ons by hand and would be gone after the upgrade; replicas and settings of both are kept."""
    for usual in USUAL if facts.hops else ():
        kept = usual.name in facts.cluster.missing_addons or any(name.startswith(usual.patch) for name in facts.patches)
        found = None if kept else _pods(getattr(facts.cluster, usual.kind), usual.name)
        lost = list(_added(found, usual)) if found else []
        if lost:
            reason = f"was changed by hand, and `kubeadm upgrade` writes it anew: {printable(some(lost))} would be lost"
            hint = f"keep it in a patch ({usual.patch}0+strategic.yaml, --patches), or put it back after the upgrade"
            if usual.name == "kube-proxy":
                hint += "; settings belong into config.conf of ConfigMap kube-system/kube-proxy, which stays"
            yield warn(CheckName.ADDONS, usual.name, reason, hint)


def _pods(items: Iterable[Manifest], name: str) -> Manifest | None:
    """Return the spec of the pods of an object of kube-system."""
    named = (get(item, "spec", "template", "spec") for item in items if _is(item, name))
    return next((spec for spec in named if isinstance(spec, dict)), None)


def _is(item: Manifest, name: str) -> bool:
    return (get(item, "metadata", "namespace"), get(item, "metadata", "name")) == ("kube-system", name)


def _added(spec: Manifest, usual: Usual) -> Iterator[str]:
    first, *others = spec.get("containers") or [{}]
    arguments = [str(word) for key in ("command", "args") for word in first.get(key) or []]
    yield from (f"argument {word.partition('=')[0]}" for word in arguments if word not in usual.arguments)
    yield from (f"variable {item['name']}" for item in first.get("env") or [] if item["name"] not in usual.variables)
    yield from (f"container {item['name']}" for item in (*others, *(spec.get("initContainers") or [])))
    yield from (f"volume {item['name']}" for item in spec.get("volumes") or [] if item["name"] not in usual.volumes)
    for toleration in spec.get("tolerations") or []:
        if toleration.get("key", "") not in usual.tolerated:
            yield f"toleration of {toleration.get('key') or 'everything'}"
    yield from (f"node selector {key}" for key, value in (spec.get("nodeSelector") or {}).items() if _LINUX.get(key) != value)
    yield from ("topologySpreadConstraints" for _ in (spec.get("topologySpreadConstraints") or [])[:1])
    yield from _resources(first.get("resources") or {}, usual.resources)


def _resources(given: Mapping[str, Any], usual: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for which in ("requests", "limits"):
        for name, value in (given.get(which) or {}).items():
            written = usual.get(which, {}).get(name)
            if written is None or amount(value) != amount(written):
                yield f"{which} of {name} {value}"
