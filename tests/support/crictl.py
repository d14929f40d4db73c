"""What crictl answers on a host where pods run; the JSON has the shape that crictl 1.36 prints for CRI-O."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.hosts import FakeHost

ETCD_IMAGE = "registry.k8s.io/etcd:3.6.5-0"


def etcd_manifest(image: str = ETCD_IMAGE, *, data: str = "/var/lib/etcd", pki: str = "/etc/kubernetes/pki/etcd") -> str:
    """Return etcd's static pod as kubeadm 1.37 writes it, as far as it is read here; the folders are those of the host."""
    flags = ("etcd", "--data-dir=/var/lib/etcd", "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt")
    mounts = {"etcd-data": ("/var/lib/etcd", data), "etcd-certs": ("/etc/kubernetes/pki/etcd", pki)}
    container = {
        "name": "etcd",
        "image": image,
        "command": list(flags),
        "volumeMounts": [{"name": name, "mountPath": inside} for name, (inside, _) in mounts.items()],
    }
    volumes = [{"name": name, "hostPath": {"path": outside}} for name, (_, outside) in mounts.items()]
    return json.dumps({"spec": {"containers": [container], "volumes": volumes}})


@dataclass(slots=True)
class Container:
    """One running container."""

    id: str = "c1"
    name: str = "etcd"
    namespace: str = "kube-system"
    pod: str = "etcd-cp"
    image: str = ETCD_IMAGE
    source: str = "file"
    pid: int = 4242

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the kubelet sets."""
        names = {"container.name": self.name, "pod.namespace": self.namespace, "pod.name": self.pod}
        return {f"io.kubernetes.{key}": value for key, value in names.items()}


@dataclass(slots=True)
class Crictl:
    """Answers for a FakeHost that also lets programs be copied; `strict` False is a crictl that ignores labels."""

    containers: list[Container] = field(default_factory=lambda: [Container()])
    images: dict[str, str] = field(default_factory=lambda: {ETCD_IMAGE: "id-of-etcd"})
    manifest_image: str = ETCD_IMAGE
    strict: bool = True

    def on(self, host: FakeHost) -> FakeHost:
        """Install the answers and the manifest on a host."""
        host.files["/etc/kubernetes/manifests/etcd.yaml"] = etcd_manifest(self.manifest_image)
        host.answers |= {
            "crictl ps ": self._ps,
            "crictl inspectp ": self._sandbox,
            "crictl inspecti ": self._image,
            "crictl inspect ": self._container,
        }
        host.accepts("for tool in etcdctl etcdutl")
        return host

    def _ps(self, command: str) -> str:
        wanted = dict(word.split("=", 1) for word in re.findall(r"--label '?([^ ']+)'?", command))
        found = [item for item in self.containers if not self.strict or wanted.items() <= item.labels.items()]
        return json.dumps(
            {
                "containers": [
                    {
                        "id": item.id,
                        "podSandboxId": f"sandbox-{item.id}",
                        "labels": item.labels,
                        "imageRef": self.images.get(item.image),
                    }
                    for item in found
                ]
            }
        )

    def _one(self, command: str) -> Container:
        word = command.rsplit(maxsplit=1)[-1].strip("'").removeprefix("sandbox-")
        return next(item for item in self.containers if item.id == word)

    def _sandbox(self, command: str) -> str:
        return json.dumps({"status": {"annotations": {"kubernetes.io/config.source": self._one(command).source}}})

    def _container(self, command: str) -> str:
        item = self._one(command)
        status: dict[str, Any] = {"image": {"image": item.image}, "imageRef": self.images.get(item.image, "")}
        return json.dumps({"status": status, "info": {"pid": item.pid}})

    def _image(self, command: str) -> str:
        name = command.rsplit(maxsplit=1)[-1].strip("'")
        return json.dumps({"status": {"id": self.images.get(name, ""), "repoTags": [name]}})
