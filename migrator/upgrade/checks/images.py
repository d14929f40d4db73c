"""Images of running pods that the next runtime would not find: their pods start no more once they are drained."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.model.facts import UpgradeFacts
from migrator.model.manifest import containers
from migrator.model.pods import pod_name
from migrator.model.short_names import short_name
from migrator.model.verdict import CheckName, Finding
from migrator.model.version import version_in
from migrator.model.words import some
from migrator.untrusted import printable
from migrator.upgrade.checks.finding import fail, warn


def short_names(facts: UpgradeFacts) -> Iterator[Finding]:
    """Find hosts whose next CRI-O does not know where images without a registry come from (cri-o#9401, minikube#22872)."""
    target = version_in(facts.hops[-1].packages.get("cri-o", "")) if facts.hops else None
    if target is None:
        return
    users = _users(facts)
    for host in facts.hosts:
        now = version_in(host.installed.get("cri-o", "").rpartition("-")[0])
        if host.error or now is None or now.line >= target.line:
            continue
        lost = [image for image in users if not host.short_names.resolves(image, target.minor)]
        # What it finds as little today is no matter of the upgrade; but the drain brings it to light.
        new = [image for image in lost if host.short_names.resolves(image, now.minor)]
        if lost:
            tried = host.short_names.tried(target.minor)
            several = f"chooses among no registries ({printable(', '.join(tried))})" if tried else "is told of none"
            shown = some(f"{image} ({users[image]})" for image in lost)
            reason = (
                f"CRI-O {target} {several}, and pods have images that name no registry: {printable(shown)} would not start again"
            )
            hint = (
                "write their names in full (docker.io/...); or one registry, in the last file of /etc/containers/registries.conf.d:"
                ' `unqualified-search-registries = ["docker.io"]`'
            )
            yield (fail if new else warn)(CheckName.RUNTIME, host.name, reason, hint)


def _users(facts: UpgradeFacts) -> dict[str, str]:
    """Return images without a registry, each with a pod that has it."""
    found: dict[str, str] = {}
    for pod in facts.cluster.pods:
        for container in containers(pod["spec"]):
            image = container.get("image")
            if isinstance(image, str) and short_name(image):
                found.setdefault(image, pod_name(pod))
    return found
