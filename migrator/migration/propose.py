"""Look at two clusters and propose a migration.yaml: what is there to decide, with what was found as comments."""

from __future__ import annotations

from collections import Counter

from migrator.errors import ApiError
from migrator.model.manifest import Manifest, get
from migrator.model.ref import ResourceType
from migrator.ports import Cluster
from migrator.rules.skip import SYSTEM_NAMESPACES


def _listed(cluster: Cluster, group: str, version: str, plural: str, kind: str) -> list[Manifest]:
    try:
        return list(cluster.list(ResourceType(group, version, plural, kind, False, frozenset())))
    except ApiError:
        return []


def propose(blue: Cluster, green: Cluster, *, name: str, blue_access: tuple[str, str], green_access: tuple[str, str]) -> str:
    """Return the text of a commented migration.yaml; `*_access` are (kubeconfig, context)."""
    namespaces = [item["metadata"]["name"] for item in _listed(blue, "", "v1", "namespaces", "Namespace")]
    own = sorted(set(namespaces) - SYSTEM_NAMESPACES - {"default"})
    claims = [
        item
        for item in _listed(blue, "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
        if get(item, "status", "phase") == "Bound"
    ]
    blue_classes = {item["metadata"]["name"] for item in _listed(blue, "storage.k8s.io", "v1", "storageclasses", "StorageClass")}
    green_classes = {item["metadata"]["name"] for item in _listed(green, "storage.k8s.io", "v1", "storageclasses", "StorageClass")}
    registries = _registries(_listed(blue, "", "v1", "pods", "Pod"))
    lines = [
        "# yaml-language-server: $schema=./migration.schema.json   (`migrator schema > migration.schema.json`)",
        "apiVersion: migrator/v1",
        f"name: {name}",
        f"blue: {{kubeconfig: {_quoted(blue_access[0])}, context: {_quoted(blue_access[1])}}}     # {blue.version()[2]}",
        f"green: {{kubeconfig: {_quoted(green_access[0])}, context: {_quoted(green_access[1])}}}   # {green.version()[2]}",
        "",
        "move:",
        f"  # found on blue: {', '.join(own) or 'no namespace but default'}",
        '  namespaces: {include: ["*"], exclude: []}',
        "  # objects:",
        "  #   include: [{kind: ConfigMap, namespace: kube-system, name: my-settings}]   # what you put into kube-system",
        "  #   exclude: [{kind: Job, labels: {temporary: 'true'}}]",
        "",
        "map:",
        "  namespaces: {}        # shop: store",
        f"  # on blue: {_names(blue_classes)}; on green: {_names(green_classes)}; classes of blue move too",
        "  storageClasses: {}    # local-path: longhorn",
        f"  # images on blue come from: {', '.join(registries) or 'nowhere, there is no pod'}",
        "  registries: {}        # docker.io: registry.example.com/mirror",
        "",
        *_volumes(claims),
        "",
        "probes: []",
        "#  - name: front page",
        "#    http: {url: 'https://green.example.com/', status: 200}",
        "#    timeout: 5s",
        "",
        "# traffic:              # without it, cutover has nothing to move",
        "#   haproxy:",
        "#     socket: /run/haproxy/admin.sock",
        "#     backend: shop",
        "#     blue: [blue1]",
        "#     green: [green1]",
        "#     stateFile: /var/lib/haproxy/servers.state",
        "#   steps: [5, 25, 50, 100]",
        "#   soak: 30s",
        "",
        "gates: {errorRate: 1%, minRequests: 1, verdictAge: 15m, readyTimeout: 5m}",
        "retire: {soak: 24h}",
        "",
    ]
    return "\n".join(lines)


def _volumes(claims: list[Manifest]) -> list[str]:
    names = sorted(f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in claims)
    head = "# The data in volumes is not copied. Name the claims whose data you moved yourself, or that may be empty:"
    return [head, "volumes: {dataMoved: []}", *(f"#   bound on blue: {name}" for name in names)]


def _registries(pods: list[Manifest]) -> list[str]:
    images = [container.get("image", "") for pod in pods for container in pod["spec"].get("containers") or []]
    heads = Counter(image.split("/")[0] if "/" in image and "." in image.split("/")[0] else "docker.io" for image in images)
    return [head for head, _ in heads.most_common()]


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
