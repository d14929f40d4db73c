"""What operators bring: definitions with several versions, conversion webhooks, and more than client-side apply can carry."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from migrator.errors import ApiError, InvalidError
from migrator.model.manifest import Manifest
from migrator.model.ref import ResourceType
from migrator.testbed.planes.certs import make_authority
from tests.support.objects import made
from tests.support.sandbox import TYPES, Sandbox, until

CRDS = TYPES["CustomResourceDefinition"]


class Converter(BaseHTTPRequestHandler):
    """A conversion webhook: v1 has `size`, v2 calls it `width`."""

    asked: list[str]

    def do_POST(self) -> None:
        """Convert objects to the wanted version."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wanted = review["request"]["desiredAPIVersion"]
        converted = []
        for item in review["request"]["objects"]:
            spec = item.get("spec", {})
            value = spec.get("size", spec.get("width"))
            converted.append({**item, "apiVersion": wanted, "spec": {"width" if wanted.endswith("/v2") else "size": value}})
            self.asked.append(wanted)
        answer = {"uid": review["request"]["uid"], "result": {"status": "Success"}, "convertedObjects": converted}
        body = json.dumps({**review, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Serve the webhook on loopback, and return the CRD's `conversion`."""
    import base64

    (tmp_path / "ca").mkdir()
    authority = make_authority(tmp_path / "ca")
    certificate, key = authority.issue("webhook", "webhook", server=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = type("Handler", (Converter,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    client = {
        "url": f"https://127.0.0.1:{server.server_address[1]}/convert",
        "caBundle": base64.b64encode(authority.path.read_bytes()).decode(),
    }
    yield {"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]}}
    server.shutdown()
    server.server_close()


def definition(group: str, *, storage: str, conversion: dict[str, Any] | None = None, text: str = "") -> Manifest:
    """Return a CRD of two versions."""

    def version(name: str) -> dict[str, Any]:
        schema = {"type": "object", "description": text, "x-kubernetes-preserve-unknown-fields": True}
        return {"name": name, "served": True, "storage": name == storage, "schema": {"openAPIV3Schema": schema}}

    names = {"plural": "boxes", "kind": "Box", "singular": "box"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version("v1"), version("v2")]}
    if conversion:
        spec["conversion"] = conversion
    return made("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"boxes.{group}", spec=spec)


def boxes(group: str, version: str) -> ResourceType:
    """Return the type of the boxes."""
    return ResourceType(group, version, "boxes", "Box", namespaced=True, verbs=frozenset())


def move_definitions(sandbox: Sandbox, *more: dict[str, str]) -> str:
    """Let this test's definitions move, not those that other tests have made, and `more` stay; return their group."""
    group = f"{sandbox.namespace}.example.com"
    names = [item["metadata"]["name"] for item in sandbox.pair.blue.list(CRDS)]
    others = [{"kind": "CustomResourceDefinition", "name": name} for name in names if not name.endswith(group)]
    sandbox.configure(
        move={
            "clusterScoped": True,
            "kinds": {"include": ["CustomResourceDefinition", "Box", "Namespace"]},
            "objects": {"exclude": [*others, *more]},
        }
    )
    return group


def turn_storage(sandbox: Sandbox, group: str, conversion: dict[str, Any] | None = None) -> None:
    """Make v2 the version that blue stores, as an operator's upgrade does."""
    live = sandbox.pair.blue.get(CRDS, "", f"boxes.{group}")
    live["spec"] = definition(group, storage="v2", conversion=conversion)["spec"]
    sandbox.pair.blue.replace(CRDS, "", f"boxes.{group}", orjson.dumps(live), manager="test")
    until(lambda: sandbox.pair.blue.get(CRDS, "", f"boxes.{group}")["status"]["storedVersions"] == ["v1", "v2"])


def test_objects_of_two_stored_versions_arrive_in_the_one_that_is_stored(sandbox: Sandbox) -> None:
    """Blue still holds objects as v1; green begins with v2 alone, so that v1 can be dropped there."""
    group = move_definitions(sandbox)
    sandbox.on_blue(definition(group, storage="v1"), made(f"{group}/v1", "Box", "old", spec={"size": 1}))
    turn_storage(sandbox, group)
    assert sandbox.run("copy").code == 0
    assert sandbox.pair.green.get(CRDS, "", f"boxes.{group}")["status"]["storedVersions"] == ["v2"]
    assert sandbox.pair.green.get(boxes(group, "v2"), sandbox.namespace, "old")["spec"] == {"size": 1}


def test_a_conversion_webhook_is_asked_and_its_answer_travels(sandbox: Sandbox, webhook: dict[str, Any]) -> None:
    """What was stored as v1 is read as v2 through the operator's own conversion, and copied again without a change."""
    group = move_definitions(sandbox)
    sandbox.on_blue(definition(group, storage="v1", conversion=webhook), made(f"{group}/v1", "Box", "one", spec={"size": 7}))
    turn_storage(sandbox, group, webhook)
    assert sandbox.run("copy").code == 0
    assert sandbox.pair.green.get(boxes(group, "v2"), sandbox.namespace, "one")["spec"] == {"width": 7}
    assert sandbox.pair.green.get(boxes(group, "v1"), sandbox.namespace, "one")["spec"] == {"size": 7}
    again = sandbox.json("copy")
    assert set(again.document["counts"]) == {"unchanged"}


def test_a_definition_too_large_for_client_side_apply_travels(sandbox: Sandbox) -> None:
    """400 KiB of schema: the annotation of `kubectl apply` would hold 256."""
    group = move_definitions(sandbox)
    sandbox.on_blue(definition(group, storage="v2", text="x" * 200_000), made(f"{group}/v2", "Box", "one", spec={}))
    assert sandbox.run("copy").code == 0
    live = sandbox.pair.green.get(CRDS, "", f"boxes.{group}")
    assert len(json.dumps(live)) > 400_000
    assert sandbox.pair.green.get(boxes(group, "v2"), sandbox.namespace, "one")["spec"] == {}


@contextlib.contextmanager
def webhook_that_is_gone(sandbox: Sandbox, group: str, conversion: dict[str, Any]) -> Iterator[None]:
    """Let nobody answer at the webhook's address; at the end take the conversion away, for blue serves other tests, too."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"https://127.0.0.1:{closed.getsockname()[1]}/convert"
    client = conversion["webhook"]["clientConfig"] | {"url": url}
    _convert(sandbox, group, {**conversion, "webhook": conversion["webhook"] | {"clientConfig": client}})
    try:
        yield
    finally:
        _convert(sandbox, group, {"strategy": "None"})
        until(lambda: _readable(sandbox, group))


def _convert(sandbox: Sandbox, group: str, conversion: dict[str, Any]) -> None:
    live = sandbox.pair.blue.get(CRDS, "", f"boxes.{group}")
    live["spec"]["conversion"] = conversion
    sandbox.pair.blue.replace(CRDS, "", f"boxes.{group}", orjson.dumps(live), manager="test")


def _readable(sandbox: Sandbox, group: str) -> bool:
    try:
        return all(list(sandbox.pair.blue.list(boxes(group, version))) for version in ("v1", "v2"))
    except ApiError:
        return False


def test_a_kind_whose_conversion_webhook_is_gone_is_named_and_the_rest_is_copied(sandbox: Sandbox, webhook: dict[str, Any]) -> None:
    """Blue's objects can be read at v1 only, and green would ask the same webhook: they are blocked by name, all others are copied."""
    group = move_definitions(sandbox)
    sandbox.on_blue(definition(group, storage="v1", conversion=webhook), made(f"{group}/v1", "Box", "one", spec={"size": 7}))
    with webhook_that_is_gone(sandbox, group, webhook):
        live = sandbox.pair.blue.get(CRDS, "", f"boxes.{group}")
        turn_storage(sandbox, group, live["spec"]["conversion"])
        planned = sandbox.json("plan")
        box = f"Box.{group}/{sandbox.namespace}/one"
        assert (planned.object(box)["decision"], planned.code) == ("blocked", 3)
        assert "conversion webhook" in planned.object(box)["reason"]
        copied = sandbox.json("copy")
    assert (copied.code, copied.document["complete"]) == (4, False)
    assert [item["object"] for item in copied.document["blocked"]] == [box]
    assert sandbox.green("Namespace", sandbox.namespace)


def test_a_kind_is_read_at_the_version_that_needs_no_conversion(sandbox: Sandbox, webhook: dict[str, Any]) -> None:
    """v1 is what is stored: that the webhook to v2 is gone costs nothing."""
    group = move_definitions(sandbox)
    sandbox.on_blue(definition(group, storage="v1", conversion=webhook), made(f"{group}/v1", "Box", "one", spec={"size": 7}))
    with webhook_that_is_gone(sandbox, group, webhook):
        assert sandbox.run("copy").code == 0
    assert sandbox.pair.green.get(boxes(group, "v1"), sandbox.namespace, "one")["spec"] == {"size": 7}


def test_an_object_that_is_too_deep_is_named_and_the_rest_is_copied(sandbox: Sandbox) -> None:
    """An API server takes 10,000 levels, more than can be parsed here; beside it one that can be read but not written."""
    group = move_definitions(sandbox)
    sandbox.on_blue(definition(group, storage="v1"), made(f"{group}/v1", "Box", "good", spec={"size": 7}))
    for name, depth in (("deep", 300), ("deeper", 1500)):
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        head = f'{{"apiVersion":"{group}/v1","kind":"Box","metadata":{{"name":"{name}"}},"spec":'.encode()
        with contextlib.suppress(InvalidError):  # the answer holds the object, and cannot be read either
            sandbox.pair.blue.create(boxes(group, "v1"), sandbox.namespace, head + nested + b"}", manager="test", brief=True)
    result = sandbox.json("copy")
    assert result.code == 4, result.err
    reasons = {item["object"].rpartition("/")[2]: item["reason"] for item in result.document["blocked"]}
    assert "nested more than 254 levels" in reasons["deep"]
    assert "nested more than 1,024 levels" in reasons["deeper"]
    assert sandbox.pair.green.get(boxes(group, "v1"), sandbox.namespace, "good")["spec"] == {"size": 7}
    assert sandbox.json("validate").code == 3
    move_definitions(sandbox, {"kind": "Box", "name": "deep*"})
    assert sandbox.run("copy").code == 0
