"""What a kubelet of another version says to settings, in the words of 1.36.3 and 1.37.2."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from migrator.nodes.hop.ask_kubelet import asked_of_kubelet
from tests.support.hosts import FakeHost

LIMIT = "invalid configuration: maxPods (--max-pods) -1 must not be a negative number"
TYPE = "path: &TypeMeta{Kind:,APIVersion:,}"
V1 = "kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed"
UNKNOWN = (
    'I1 codec.go:102] "Using lenient decoding as strict decoding failed" err="strict decoding error: unknown field \\"old\\""\n'
)
FILE = "failed to load kubelet config file, path: /dev/stdin, error: failed to load Kubelet config file /dev/stdin, error "


def failed(words: str) -> str:
    """Return the line with which a kubelet ends."""
    quoted = words.replace('"', '\\"')
    return f'E1130 02:04:21.441066    7501 run.go:72] "command failed" err="{quoted}"\n'


def judged(*parts: str) -> str:
    """Return how a kubelet refuses settings, one reason or several."""
    said = f"[{', '.join(parts)}]" if len(parts) > 1 else parts[0]
    return failed(f"failed to validate kubelet configuration, error: {said}, {TYPE}")


@pytest.mark.parametrize(
    ("output", "refused", "left_out"),
    [
        (judged(LIMIT), (), ()),
        (judged(LIMIT, V1), (), ()),
        (
            judged(LIMIT, 'invalid configuration: memorySwap.swapBehavior "Foo" must be one of: "", "NoSwap"'),
            ('invalid configuration: memorySwap.swapBehavior "Foo" must be one of: "", "NoSwap"',),
            (),
        ),
        (
            failed(f"{FILE}failed to decode: json: cannot unmarshal string into Go struct field .evictionHard"),
            ("json: cannot unmarshal string into Go struct field .evictionHard",),
            (),
        ),
        (
            UNKNOWN + judged(LIMIT),
            (),
            ("old",),
        ),
        ("", (), ()),
    ],
    ids=["nothing", "what the check of cgroups tells", "a value", "a type", "a setting that is gone", "no answer"],
)
def test_what_a_kubelet_refuses_is_told_and_what_it_is_made_to_refuse_is_not(
    output: str, refused: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    """One reason for each thing, without the words around it."""
    host = FakeHost("w1")
    host.answers["--config /dev/stdin"] = output
    assert asked_of_kubelet(host, "/k/kubelet", {"maxPods": 40}) == (refused, left_out)


def test_it_never_starts_and_is_given_no_credentials() -> None:
    """Whatever settings it is asked about, one is such that it ends."""
    host = FakeHost("w1")
    host.answers["timeout 60 /k/kubelet --config /dev/stdin 2>&1 |"] = ""
    asked_of_kubelet(host, "/k/kubelet", {"maxPods": 40, "kind": "Other", "staticPodURLHeader": {"Authorization": ["hunter2"]}})
    (given,) = host.given
    assert yaml.safe_load(given) == {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "maxPods": -1,
    }


def test_every_gate_is_named_although_a_kubelet_names_one_at_a_time() -> None:
    """Those of a flag end it with a line, those of a file with a panic (kubernetes#100988, gardener#5362, talos#13480)."""
    around = "panic: failed to merge global and in-flight KubeletConfiguration while setting defaults, error: "
    said = {
        "Gone": "unrecognized feature gate: Gone",
        "Locked": "cannot set feature gate Locked to false, feature is locked to true",
    }

    def answer(_: str) -> str:
        gates: dict[str, Any] = yaml.safe_load(host.given[-1]).get("featureGates") or {}
        return next((f"{around}{said[name]}\n" for name in gates if name in said), judged(LIMIT))

    host = FakeHost("w1")
    host.answers["--config /dev/stdin"] = answer
    found = asked_of_kubelet(host, "/k/kubelet", {"featureGates": {"Locked": False, "StillThere": True, "Gone": True}})
    assert set(found.refused) == set(said.values())
