"""Where things lie on a host: what kubeadm writes, and what this tool keeps there."""

from __future__ import annotations

ADMIN_CONF = "/etc/kubernetes/admin.conf"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
MANIFESTS = "/etc/kubernetes/manifests"
"""Folder of the static pods."""
STATE = "/var/lib/migrator"
"""Folder of all that this tool keeps on a host."""
KUBECTL = f"kubectl --kubeconfig={ADMIN_CONF}"
"""A control plane's own kubectl."""
CONFLIST = "/etc/cni/net.d/10-migrator.conflist"
"""Settings of the pod network of plain bridges."""
ROUTES_SERVICE = "migrator-routes.service"
ROUTES_UNIT = f"/etc/systemd/system/{ROUTES_SERVICE}"
"""The unit that sets routes to pods of other nodes."""
PACKAGE_CACHE = "/var/cache/migrator"
