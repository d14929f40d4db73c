"""Texts and objects that have attacked programs which read, print or write what others have made."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st
from shop import shop

from migrator.model.manifest import Manifest

HOSTILE = [  # each with where it was reported
    "\x1b[2J\x1b[H cleared",  # kubernetes#101695: escape sequences in the message of an Event
    "\x1b]52;c;ZWNobyBoaQ==\x07",  # the same kind: writes to the clipboard
    "Ready\rNotReady",  # kubernetes#112553: a carriage return replaces what the line has said
    "\x9b31mred",  # one-byte CSI of C1
    "benign\u202egnp.exe",  # microsoft/terminal#2409, hackmyagent#330: bidirectional override
    "GRANTED \u2067DENIED\u2069",  # chroncal#369: isolates
    "a\u200bb\ufeff",  # marmot-protocol/mdk#586: zero width
    "name\u3164",  # Facepunch/garrysmod-issues#5908: letters that are shown as nothing
    "a\u115f\u1160\uffa0\u034f\U00016fe4\u2800b",  # affaan-m/ECC#1982, notofonts/khitan-small-script#1: the same
    "safe\U000e0164\U000e0165\ufe0f",  # variation selectors that carry a text
    "kube\u00a0system\u3000",  # spaces that are none
    "x\nhooks: {beforeCopy: [[sh, -c, id]]}",  # deckhouse#22774, vcert#657: a line break adds keys
    "a # b: {c}\r\nd",
    "a\u2028b\u2029c\x85d",  # line separators of YAML 1.1
    "[/]",  # sqlit#212: markup of rich
    "[/\xe1\xa5\xf9\x96_/x\xecJ@]",  # mandiant/capa#2699
    "</script><script>alert(1)</script>",  # vulnlog#197
    "<img src=x onerror=alert(1)>",  # sokrates#121
    '" onmouseover="x',
    "$(id) `id` ; id & 'q' \"q\" \\",
    "\ud800",
    "",
]

MARK = "hunter2"
"""Part of each text of a hostile value: no message may hold it."""


def nested(depth: int, *, lists: bool = False) -> Any:
    """Return a value of this depth."""
    value: Any = MARK
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    return value


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from([MARK, MARK * 3, *(text + MARK for text in HOSTILE if text.isprintable())]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "type", "kind", "a", "uid"]), inner, max_size=3)
    ),
    max_leaves=6,
) | st.builds(nested, st.sampled_from([260, 900]), lists=st.booleans())
"""Any value of JSON, and some that are too deep to be written again."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_APPLIED = st.sampled_from(
    [
        "[" * 2000,
        "{",
        "null",
        "[]",
        "3",
        '{"spec": []}',
        '{"spec": {"ports": [1]}}',
        '{"spec": {"ports": [{"nodePort": 3}]}}',
        '{"spec": {"ports": 7}}',
    ]
)


def as_served(manifest: Manifest, number: int = 0) -> Manifest:
    """Return a manifest of a file as an API server would give it out, with a status."""
    fields = {"f:metadata": {"f:labels": {}}, "f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}}}
    entry = {"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}
    served = copy.deepcopy(manifest)
    owners = [{**owner, "uid": "gone"} for owner in served["metadata"].get("ownerReferences", ())]
    served["metadata"] |= {"uid": f"uid-{number}", "resourceVersion": "7", "generation": 1, "managedFields": [entry]}
    served["metadata"] |= {"ownerReferences": owners} if owners else {}
    served["status"] = {"conditions": [{"type": "Ready", "status": "True"}], "observedGeneration": 1, "replicas": 1}
    return served


@st.composite
def damaged(draw: st.DrawFn) -> Manifest:
    """Return an object of the sample shop with values of other types, and missing ones, anywhere below its kind."""
    manifest = as_served(draw(st.sampled_from(_SHOP)), draw(st.integers(0, 10**6)))
    if draw(st.booleans()):
        manifest["metadata"].setdefault("annotations", {})[_LAST_APPLIED] = draw(_APPLIED)
    for _ in range(draw(st.integers(1, 3))):
        _damage(draw, manifest)
    return manifest


def _damage(draw: st.DrawFn, manifest: Manifest) -> None:
    node: Any = manifest
    while True:
        keys = (
            [key for key in node if key not in ("apiVersion", "kind") or node is not manifest]
            if isinstance(node, dict)
            else range(len(node))
        )
        if not keys:
            return  # earlier damage has left nothing here
        key = draw(st.sampled_from(list(keys)))
        if isinstance(node[key], dict | list) and node[key] and draw(st.integers(0, 4)):
            node = node[key]
            continue
        if draw(st.integers(0, 3)):
            node[key] = draw(VALUES)
        else:
            del node[key]
        return


_SHOP = shop()
