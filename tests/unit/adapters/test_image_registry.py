"""Registries that tenants name are asked for architectures, and cannot send this machine anywhere else."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from migrator.adapters.image_registry import HttpRegistry, _Refused, _Registry
from migrator.errors import MigratorError
from tests.support.clock import FakeClock
from tests.support.web import Asked, Reply, Web, serving

# The platform is optional (OCI image specification, image-index.md); attestations have `unknown`.
INDEX = {"manifests": [*({"platform": {"architecture": name}} for name in ("amd64", "arm64", "unknown")), {}, {"platform": None}]}


def reply(document: Any) -> Reply:
    """Return a document as an answer."""
    return Reply(body=json.dumps(document).encode())


@contextmanager
def registry(answer: Callable[[Asked], Reply], *, named: bool = True) -> Iterator[tuple[Callable[[str], frozenset[str]], Web]]:
    """Serve a registry, which the person's file names; yield how to ask for an image of it."""
    with serving(answer) as web:
        client = HttpRegistry(frozenset({web.address} if named else ()), clock=FakeClock())
        yield lambda image: client.architectures(f"{web.address}/{image}"), web


def challenge(realm: str) -> Reply:
    """Return a demand for a token."""
    return Reply(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:app:pull"'})


def test_an_index_and_a_single_image_tell_their_architectures() -> None:
    """A single image tells it in its configuration."""
    digest = f"sha256:{'0' * 64}"

    def answer(asked: Asked) -> Reply:
        documents = {
            "/v2/team/many/manifests/1": INDEX,
            "/v2/one/manifests/latest": {"config": {"digest": digest}},
            f"/v2/one/blobs/{digest}": {"architecture": "arm64"},
        }
        return reply(documents[asked.path]) if asked.path in documents else Reply(404)

    with registry(answer) as (ask, _):
        assert ask("team/many:1") == {"amd64", "arm64"}
        assert ask("one") == {"arm64"}
        with pytest.raises(MigratorError, match="answered 404"):
            ask("lost")


def test_an_index_without_platforms_has_its_images_asked() -> None:
    """The platform is optional there, and an index may list others (conforma/cli#1672, opencontainers/image-spec#1216)."""
    one, inner, config = (f"sha256:{digit * 64}" for digit in "123")

    def answer(asked: Asked) -> Reply:
        documents = {
            "/v2/app/manifests/latest": {"manifests": [{"digest": one, "platform": {"architecture": ""}}, {"digest": inner}]},
            f"/v2/app/manifests/{one}": {"config": {"digest": config}},
            f"/v2/app/blobs/{config}": {"architecture": "riscv64"},
            f"/v2/app/manifests/{inner}": INDEX,
            "/v2/signature/manifests/latest": {"manifests": [{"digest": one, "platform": {"architecture": "unknown"}}]},
            "/v2/loop/manifests/latest": {"manifests": [{"digest": one}]},
            f"/v2/loop/manifests/{one}": {"manifests": [{"digest": one}]},
            "/v2/windows/manifests/latest": {
                "manifests": [{"digest": one, "platform": {"architecture": "amd64", "os": "windows"}}]
            },
            "/v2/odd/manifests/latest": {"manifests": [{"digest": "../../other"}]},
        }
        return reply(documents[asked.path]) if asked.path in documents else Reply(404)

    with registry(answer) as (ask, web):
        assert ask("app") == {"amd64", "arm64", "riscv64"}
        for name in ("signature", "loop", "windows"):
            with pytest.raises(MigratorError, match=f"the index of {name}:latest tells no CPU architecture"):
                ask(name)
        with pytest.raises(MigratorError, match="not that of a registry"):
            ask("odd")
    assert not any("other" in asked.path for asked in web.asked)


def test_a_token_is_asked_for_anonymously_and_shown_to_the_registry() -> None:
    """The flow of the distribution specification."""

    def answer(asked: Asked) -> Reply:
        if asked.path.startswith("/token"):
            return reply({"token": "t-1"})
        return reply(INDEX) if asked.headers.get("authorization") == "Bearer t-1" else challenge(f"http://{web.address}/token?a=b")

    with registry(answer) as (ask, web):
        assert ask("app") == {"amd64", "arm64"}
    assert [asked.path for asked in web.asked] == [
        "/v2/app/manifests/latest",
        "/token?a=b&service=s&scope=repository%3Aapp%3Apull",
        "/v2/app/manifests/latest",
    ]
    assert "authorization" not in web.asked[1].headers


@pytest.mark.parametrize(
    "form",
    [
        'Basic realm="r", Bearer realm="{}",service="s"',
        'bearer realm={}, service=s, Basic realm="r"',
        'Negotiate, BEARER  service="s" , realm="{}"',
    ],
)
def test_a_bearer_challenge_is_found_among_others(form: str) -> None:
    """Reported of prowler (#12691) and of ADAL (#1042): only the first challenge was read, or the realm of another one."""

    def answer(asked: Asked) -> Reply:
        if asked.path.startswith("/token"):
            return reply({"token": "t-1"})
        if "authorization" in asked.headers:
            return reply(INDEX)
        return Reply(401, headers={"WWW-Authenticate": form.format(f"http://{web.address}/token")})

    with registry(answer) as (ask, web):
        assert ask("app") == {"amd64", "arm64"}
    assert web.asked[1].path == "/token?service=s"


def test_a_challenge_without_bearer_is_told() -> None:
    """A word of another challenge is none."""
    asked = Reply(401, headers={"WWW-Authenticate": 'Basic realm="Bearer realm=x"'})
    with registry(lambda _: asked) as (ask, _), pytest.raises(MigratorError, match="wants credentials"):
        ask("app")


@pytest.mark.parametrize(
    "realm",
    [
        "file:///etc/passwd#",
        "ftp://x/",
        "https://127.0.0.1:1/",
        "http://169.254.169.254/",
        "https://[::ffff:a9fe:a9fe]/",
        "//x",
        "",
    ],
)
def test_a_challenge_that_leads_elsewhere_is_refused(realm: str) -> None:
    """Not to files, not to what only this machine reaches; nothing of what lies there goes to the registry."""
    with registry(lambda _: challenge(realm)) as (ask, web), pytest.raises(MigratorError) as caught:
        ask("app")
    assert len(web.asked) == 1
    assert "registry" in caught.value.message


def test_a_token_does_not_follow_a_redirect_to_another_host() -> None:
    """CVE-2020-15157 of containerd, CVE-2018-18074 of requests are of this kind."""
    with serving(lambda _: reply(INDEX)) as other:

        def answer(asked: Asked) -> Reply:
            if asked.path.startswith("/token"):
                return reply({"access_token": "t-1"})
            if "authorization" not in asked.headers:
                return challenge(f"http://{web.address}/token")
            return Reply(307, headers={"Location": f"http://{other.address}/cdn"})

        with registry(answer) as (ask, web):
            assert ask("app") == {"amd64", "arm64"}
    assert [asked.path for asked in other.asked] == ["/cdn"]
    assert "authorization" not in other.asked[0].headers


def test_a_registry_on_this_machine_is_asked_only_where_the_person_names_it() -> None:
    """A tenant's image name must not reach what listens on the operator's machine."""
    with registry(lambda _: reply(INDEX), named=False) as (ask, web), pytest.raises(MigratorError, match="name the registry in"):
        ask("app")
    assert web.asked == []


@pytest.mark.parametrize(
    ("named", "inside", "address", "allowed"),
    [
        (False, False, "8.8.8.8", True),
        (False, False, "10.0.0.1", False),
        (False, False, "fd00:ec2::254", False),
        (False, False, "100.100.100.200", False),
        (False, False, "169.254.169.254", False),
        (False, False, "224.0.0.1", False),
        (False, False, "0.0.0.0", False),  # noqa: S104
        (False, True, "10.0.0.1", True),
        (False, True, "127.0.0.1", False),
        (False, True, "169.254.169.254", False),
        (True, False, "127.0.0.1", False),
    ],
)
def test_a_registry_may_lead_only_to_where_it_is_itself(named: bool, inside: bool, address: str, allowed: bool) -> None:  # noqa: FBT001
    """One on the internet leads to the internet, one inside to the inside; none to the machine's own addresses."""
    asked = _Registry("registry.example.com", named)
    asked.require(ipaddress.ip_address("10.1.1.1" if inside else "8.8.4.4"))
    if allowed:
        asked.require_elsewhere(ipaddress.ip_address(address))
        return
    with pytest.raises(_Refused):
        asked.require_elsewhere(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "body",
    [
        b'{"schemaVersion": 1}',
        b"[]",
        b"7",
        b"garbage",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"manifests": 7}',
        b'{"manifests": [7]}',
        b'{"manifests": [{"platform": {"architecture": {}}}]}',
        b'{"config": {"digest": "../../../secret"}}',
        b'{"config": {"digest": 7}}',
    ],
)
def test_an_answer_that_is_no_manifest_is_an_error_of_that_image(body: bytes) -> None:
    """Hostile or broken, it never ends a verb as a bug."""
    with registry(lambda _: Reply(body=body)) as (ask, web), pytest.raises(MigratorError, match="is not that of a registry"):
        ask("app")
    assert len(web.asked) == 1


@pytest.mark.parametrize("image", ["a b:1", "x/../../y", "x:1?y", "x#y", "x@sha256:1", "x%2e", "X", "", "x\r\nHost: y", ":"])
def test_a_name_that_is_no_image_reaches_no_registry(image: str) -> None:
    """What a kubelet would refuse is not put into an address."""
    with registry(lambda _: reply(INDEX)) as (ask, web), pytest.raises(MigratorError, match="not a name of an image"):
        ask(image)
    assert web.asked == []


def test_one_that_hangs_up_is_asked_once() -> None:
    """Not once for each image."""
    with registry(lambda _: Reply(0)) as (ask, web):
        for image in ("a", "b"):
            with pytest.raises(MigratorError, match="does not answer"):
                ask(image)
    assert len(web.asked) == 1


def test_many_slow_registries_do_not_hold_a_verb() -> None:
    """When enough time has gone, only those are asked that have answered before."""
    clock = FakeClock()

    def slow(_: Asked) -> Reply:
        clock.pass_time(20.0)
        return Reply(0)

    with serving(lambda _: reply(INDEX)) as good, serving(slow) as bad:
        names = [f"127.0.0.{number}:{bad.port}" for number in range(1, 3)]
        client = HttpRegistry(frozenset({good.address, f"localhost:{bad.port}", *names}), clock=clock)
        client.architectures(f"{good.address}/app")
        client._late = 110.0
        with pytest.raises(MigratorError, match="does not answer"):
            client.architectures(f"localhost:{bad.port}/app")
        with pytest.raises(MigratorError, match="was not asked"):
            client.architectures(f"{names[0]}/app")
        assert client.architectures(f"{good.address}/app") == {"amd64", "arm64"}
