"""Whether external-dns, once it is handed over, would delete what it should leave; pure functions.

With `--policy=sync`, the default until 0.21, it deletes each record that it owns and has no source for. What it owns is told by TXT
records that bear `--txt-owner-id` (external-dns, docs/registry/txt.md; issues 2036, 3229, 5993, 6617).
"""

from __future__ import annotations

from typing import NamedTuple

from migrator.config.one_side import OneSideRule
from migrator.model.manifest import Manifest, containers, pod_spec
from migrator.rules.context import Hindrance
from migrator.rules.one_side.names import flags
from migrator.rules.one_side.recognise import row_of

_ROW = "external-dns"
_FLAGS = ("policy", "registry", "txt-owner-id", "migrate-from-txt-owner")
_SYNC, _DEFAULT = "sync", "default"
_SAFE = "give it --policy=upsert-only until the old cluster is gone"


class _Settings(NamedTuple):
    """What decides what it owns and deletes; empty where neither a flag nor a variable says so."""

    policy: str
    registry: str
    owner: str
    takes_over: str
    """The owner whose records it takes for its own."""


def hindrance(blue: Manifest, green: Manifest, rule: OneSideRule | None) -> Hindrance | None:
    """Return why an external-dns must not run on green as planned; an entry of the person that holds it accepts the risk."""
    if rule is not None or not _is_external_dns(blue):
        return None
    before, after = _settings(blue), _settings(green)
    owners = before.owner or _DEFAULT, after.owner or _DEFAULT
    deletes = after.policy in ("", _SYNC)
    accept = "or accept it with an entry of its own in cutover.oneSide"
    if deletes and owners[0] != owners[1]:
        reason = f"owns its DNS records as {owners[0]} on blue, and as {owners[1]} on green: it would leave blue's to nobody"
        taking = f", and with --migrate-from-txt-owner={after.takes_over} delete those that it has no source for"
        reason += taking if after.takes_over else ""
        return Hindrance(reason, f"keep --txt-owner-id as on blue, or {_SAFE}, {accept}")
    if deletes and after.registry == "noop":
        reason = "keeps no owners (--registry=noop), and deletes each record of its zones that it has no source for (policy sync)"
        return Hindrance(reason, f"{_SAFE}, {accept}")
    if after.policy == _SYNC and not after.owner and after.registry in ("", "txt"):
        reason = "has --policy=sync and no --txt-owner-id: each without one owns as default, and deletes what others so wrote"
        return Hindrance(reason, f"{_SAFE}, {accept}, where no other cluster writes to its zones without an owner")
    return None


def _is_external_dns(manifest: Manifest) -> bool:
    row = row_of(manifest)
    return row is not None and row.name == _ROW


def _settings(manifest: Manifest) -> _Settings:
    found: dict[str, set[str]] = {}
    for container in containers(pod_spec(manifest) or {}):
        for flag, values in flags(container).items():
            found.setdefault(flag, set()).update(values)
    return _Settings(*("".join(sorted(found.get(name, ()))) for name in _FLAGS))
