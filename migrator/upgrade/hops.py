"""From a version to another, one minor at a time; which packages each hop takes, and who goes along. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from migrator.errors import BlockedError
from migrator.model.upgrade import Hop, Workers
from migrator.model.version import Version, parse_version, version_in
from migrator.upgrade.checks.versions import KUBELET_SKEW

# Packages whose minor goes with Kubernetes' own.
_PAIRED = ("cri-o", "crictl")
_OLDEST = Version(0, 0, 0)


def make_hops(
    current: Version,
    target: Version,
    *,
    kubelets: Iterable[Version],
    installed: Mapping[str, str],
    available: Mapping[str, Iterable[str]],
    workers: Workers,
    wanted: Mapping[str, str] | None = None,
) -> tuple[Hop, ...]:
    """Return the hops; `installed` and `available` are packages and their versions, `wanted` those that a person names.

    Raises BlockedError for a way that does not exist: back, over a major, or past a minor that the package source lacks.
    """
    if target < current:
        raise BlockedError(
            f"the cluster runs {current}, newer than {target}: Kubernetes cannot be downgraded",
            hint="`migrator upgrade rollback` takes a hop back; or move to a cluster of that version (`migrator plan`)",
        )
    if target.major != current.major:
        raise BlockedError(f"there is no way from {current} to {target} in place", hint="move to a new cluster (`migrator plan`)")
    versions = [*(_newest(available.get("kubernetes", ()), (current.major, minor)) for minor in _between(current, target)), target]
    missing = [minor for minor, version in zip(_between(current, target), versions, strict=False) if version is None]
    if missing:
        minors = ", ".join(f"{current.major}.{minor}" for minor in missing)
        raise BlockedError(
            f"an upgrade from {current} to {target} needs {minors} on its way, and the package source has no such kubernetes",
            hint=f"`migrator packages build kubernetes={current.major}.{missing[0]}.X`, the last patch of it",
        )
    steps = [version for version in versions if version is not None]
    starts = [current, *steps[:-1]]
    due = _with_workers(steps, min(kubelets, default=current), workers)
    hops: list[Hop] = []
    have = dict(installed)
    for number, (start, step) in enumerate(zip(starts, steps, strict=True)):
        have = _packages(step, have, available, (wanted or {}) if number == len(steps) - 1 else {})
        hops.append(Hop(start, step, dict(have), due[number]))
    return tuple(hop for hop in hops if hop.start != hop.target or _behind(hop, kubelets, installed))


def _behind(hop: Hop, kubelets: Iterable[Version], installed: Mapping[str, str]) -> bool:
    """Return whether a hop within one version has something to do: workers that were left, or another package."""
    return any(version < hop.target for version in kubelets) or any(
        installed.get(name) not in (None, version) for name, version in hop.packages.items()
    )


def _between(current: Version, target: Version) -> range:
    return range(current.minor + 1, target.minor)


def _with_workers(steps: list[Version], oldest: Version, workers: Workers) -> list[bool]:
    """Return which hops take workers along: all, or the last and those after which a kubelet would be too old."""
    if workers is Workers.EACH_HOP:
        return [True] * len(steps)
    taken = []
    kubelet = oldest.minor
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        goes = last or steps[number + 1].minor - kubelet > KUBELET_SKEW
        kubelet = step.minor if goes else kubelet
        taken.append(goes)
    return taken


def _packages(
    step: Version, have: Mapping[str, str], available: Mapping[str, Iterable[str]], wanted: Mapping[str, str]
) -> dict[str, str]:
    found = {**have, "kubernetes": str(step)}
    for name in _PAIRED:
        newest = _newest(available.get(name, ()), step.line)
        # A package of somebody else's may have an epoch, or be of a commit (pacman: PKGBUILD(5)).
        if newest and name in have and newest > (version_in(have[name]) or _OLDEST):
            found[name] = str(newest)
    return {**found, **wanted}


def _newest(versions: Iterable[str], line: tuple[int, int]) -> Version | None:
    return max((version for version in map(parse_version, versions) if version.line == line), default=None)
