"""A stand-in for the pulumi-kubernetes plugin: speaks the provider protocol and applies to the real API server.

It exists because the plugin itself comes from a place that test machines may not reach. It creates, merges, reads and
deletes single objects; it does not wait for workloads, render charts or know schemas.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import orjson
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from migrator.errors import ConflictError, MigratorError, NotFoundError
from migrator.kube.access import load_access
from migrator.kube.cluster import KubeCluster
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType

_MANAGER = "pulumi-kubernetes"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Marks a value that is wrapped, as secrets are (pulumi: sdk/go/common/resource/sig)."""


class _RefusedError(Exception):
    """Ends a call with a message that the engine shows."""


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One configured provider."""

    def __init__(self) -> None:
        self._cluster: KubeCluster | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="migrator-plugin-")
        self._types: dict[tuple[str, str], ResourceType] = {}

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Say which version it stands in for."""
        del request, context
        from pulumi_kubernetes import _utilities

        return plugin_pb2.PluginInfo(version=_utilities.get_version())

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take every configuration."""
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Never ask for a replacement: another kubeconfig of the same stack is the same cluster."""
        del request, context
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Connect; during the preview of a new cluster there is no kubeconfig yet."""
        del context
        kubeconfig = _plain(request.args).get("kubeconfig")
        if isinstance(kubeconfig, str) and kubeconfig.startswith("apiVersion"):
            file = Path(self._folder.name) / "kubeconfig"
            file.write_text(kubeconfig)
            access = load_access(str(file), None, cluster="stack", relative_to=Path("/"))
            self._cluster = KubeCluster("the stack's cluster", access, patience=60)
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take every object."""
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Compare inputs."""
        del context
        same = _plain(request.old_inputs) == _plain(request.news)
        kinds = provider_pb2.DiffResponse
        return kinds(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Create an object, or take over one that is there."""
        manifest = _plain(request.properties)
        if not request.preview:
            self._guarded(context, lambda: self._apply(manifest))
        return provider_pb2.CreateResponse(id=_id(manifest), properties=request.properties)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Merge what changed."""
        if not request.preview:
            self._guarded(context, lambda: self._apply(_plain(request.news)))
        return provider_pb2.UpdateResponse(properties=request.news)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say whether the object is still there."""
        manifest = _plain(request.properties)

        def there() -> bool:
            resource, namespace, name = self._place(manifest)
            try:
                self._connected().get(resource, namespace, name)
            except NotFoundError:
                return False
            return True

        if not self._guarded(context, there):
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete the object."""

        def delete() -> None:
            resource, namespace, name = self._place(_plain(request.properties))
            try:
                live = self._connected().get(resource, namespace, name)
            except NotFoundError:
                return
            self._connected().delete(resource, namespace, name, uid=live["metadata"]["uid"])

        self._guarded(context, delete)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End at once: nothing here takes long."""
        del request, context
        return empty_pb2.Empty()

    def _apply(self, manifest: Manifest) -> None:
        resource, namespace, name = self._place(manifest)
        try:
            self._connected().create(resource, namespace, orjson.dumps(manifest), manager=_MANAGER)
        except ConflictError:
            self._connected().patch(resource, namespace, name, manifest, manager=_MANAGER)

    def _place(self, manifest: Manifest) -> tuple[ResourceType, str, str]:
        wanted = (manifest["apiVersion"], manifest["kind"])
        if wanted not in self._types:
            self._types = {(item.api_version, item.kind): item for item in self._connected().resources()}
        if wanted not in self._types:
            raise _RefusedError(f"the cluster serves no {wanted[1]} of {wanted[0]}")
        resource = self._types[wanted]
        return (
            resource,
            manifest["metadata"].get("namespace", "default") if resource.namespaced else "",
            manifest["metadata"]["name"],
        )

    def _connected(self) -> KubeCluster:
        if self._cluster is None:
            raise _RefusedError("the provider has no kubeconfig")
        return self._cluster

    def _guarded(self, context: Any, work: Any) -> Any:
        try:
            return work()
        except (MigratorError, _RefusedError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _plain(properties: struct_pb2.Struct) -> dict[str, Any]:
    return _whole(json_format.MessageToDict(properties))  # type: ignore[no-any-return]


def _whole(value: Any) -> Any:
    """Return the value with numbers as Kubernetes reads them: a Struct knows only floats."""
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return _whole(value.get("value"))
        return {key: _whole(item) for key, item in value.items() if key not in ("__internal", "__defaults")}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _id(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return "/".join(part for part in (metadata.get("namespace", ""), metadata["name"]) if part)


def serve() -> None:
    """Serve on a free port of loopback and print it, as the engine expects."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # The engine interrupts its plugins at the end.
    signal.signal(signal.SIGINT, lambda *_: server.stop(0))
    server.wait_for_termination()


if __name__ == "__main__":
    serve()
