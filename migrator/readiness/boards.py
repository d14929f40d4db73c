"""What boards lack that servers have: controllers of memory, room without swap, usual pages, a clock with a battery."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from migrator.model.host import HostFacts
from migrator.model.verdict import CheckName, Finding, Severity
from migrator.untrusted import printable

CONTROLLERS = frozenset({"cpu", "cpuset", "memory", "pids"})
"""Controllers of cgroups without which a kubelet does not start, or starts no pod."""
# Kernels of the Raspberry Pi 5 and of Asahi have 16 KiB, for which not every program of an image was built.
_USUAL_PAGE = 4096
# Bits of a program's addresses (`getconf LONG_BIT`).
_OLD_WORD = 32
# A board without a battery starts in 1970, or at the time of its image.
_BEFORE_ANY_RELEASE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC).timestamp()
# First minor whose images at registry.k8s.io have no 32-bit ARM any more (kubernetes#115742, CHANGELOG-1.27).
_ARM32_IMAGES_UNTIL = 27


def controllers(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a kernel that was booted without a controller (raspberrypi/linux#6980, k3s#9524)."""
    missing = sorted(CONTROLLERS - facts.controllers) if facts.controllers else []
    if not missing:
        return
    disabled = [word for word in facts.kernel_arguments if word.startswith("cgroup_disable=")]
    off = next((word for word in disabled if not {*word.partition("=")[2].split(",")}.isdisjoint(missing)), "")
    words = [f"cgroup_enable={item}" for item in missing if item in ("memory", "cpuset") or item in off]
    hint = f"add {' '.join(words)} to the end of the kernel's command line" if words else "boot a kernel that has them"
    if off:
        hint = (
            f"it was booted with {printable(off)}: add {' '.join(words)} behind it (the last one counts on a Raspberry Pi's own "
            "kernel; others do not know the word: take cgroup_disable out, which may stand in the device tree's bootargs)"
        )
    reason = f"its kernel runs without the cgroup controllers {', '.join(missing)}, without which no kubelet starts"
    where = "the file is /boot/cmdline.txt (/boot/firmware/cmdline.txt, /boot/boot.txt or the loader's entry); then boot"
    yield Finding(CheckName.CGROUP, name, Severity.FAILURE, reason, f"{hint}; {where}")


def swap(name: str, facts: HostFacts, *, accepted: bool) -> Iterator[Finding]:
    """Yield a finding for swap that keeps the next kubelet from starting: now, or from the next boot on.

    `accepted` tells that the kubelet has failSwapOn: false, with which swap is a person's own choice (KEP-2400).
    """
    if accepted:
        return
    hint = "`swapoff -a`, and mask what brings it: `systemctl mask UNIT`; or failSwapOn: false for the kubelet"
    if facts.swaps:
        reason = f"swaps to {_names(facts.swaps)}, and a kubelet that starts with swap ends at once"
        yield Finding(CheckName.SWAP, name, Severity.FAILURE, reason, hint)
    elif facts.swap_units:
        reason = f"turns swap on at its next boot ({_names(facts.swap_units)}): its kubelet stays down then"
        yield Finding(CheckName.SWAP, name, Severity.WARNING, reason, hint)


def pages(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a kernel with larger pages than images are built for (raspberrypi/linux#5933)."""
    if facts.page_size > _USUAL_PAGE:
        reason = (
            f"its kernel's memory pages have {facts.page_size >> 10} KiB: images built for 4 KiB (jemalloc: Redis, some databases) "
            "do not start here"
        )
        hint = "on a Raspberry Pi 5: kernel=kernel8.img in /boot/config.txt; else take a kernel with 4 KiB pages"
        yield Finding(CheckName.BOARD, name, Severity.WARNING, reason, hint)


def architecture(name: str, facts: HostFacts, minor: int, image_repository: str) -> Iterator[Finding]:
    """Yield a finding for 32-bit ARM, for which Kubernetes' own registry has no images any more."""
    if facts.architecture.startswith("armv") and minor >= _ARM32_IMAGES_UNTIL and not image_repository:
        reason = f"is 32-bit ARM ({printable(facts.architecture)}), for which registry.k8s.io has no images of 1.{minor}"
        hint = "boot a 64-bit system where the board can; or name a registry with images of your own (imageRepository)"
        yield Finding(CheckName.BOARD, name, Severity.FAILURE, reason, hint)


def word_size(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a 32-bit system below a 64-bit kernel: packages and images of the kernel's kind do not start there."""
    if facts.bits == _OLD_WORD and facts.architecture in ("aarch64", "x86_64"):
        reason = (
            f"its kernel is 64-bit ({facts.architecture}) and its system 32-bit: packages for {facts.architecture} do not start"
        )
        hint = "install a 64-bit system; or boot the 32-bit kernel (arm_64bit=0 in /boot/config.txt)"
        yield Finding(CheckName.BOARD, name, Severity.FAILURE, reason, hint)


def replaced_kernel(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a kernel that was replaced without a boot: what it has not loaded yet it cannot load any more."""
    if facts.kernel_replaced:
        reason = (
            "its kernel was replaced and it was not booted since: modules that a new CRI-O, kube-proxy or iptables wants are gone"
        )
        hint = f"before the upgrade, one node after the other: drain {name}, boot it, uncordon it"
        yield Finding(CheckName.BOARD, name, Severity.WARNING, reason, hint)


def clock_at_boot(name: str, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for a clock that starts in the past: certificates are not valid yet until the network tells the time."""
    if is_before_its_time(facts):
        when = datetime.datetime.fromtimestamp(facts.time, datetime.UTC).date()
        reason = f"says that it is {when}: its clock has no battery, or an empty one, and is not synchronised yet"
        hint = "make sure that it reaches a time server (`timedatectl timesync-status`); `systemctl enable systemd-time-wait-sync`"
        yield Finding(CheckName.CLOCK, name, Severity.FAILURE, reason, hint)
    elif facts.has_rtc is False and not facts.waits_for_time:
        reason = "has no battery-backed clock: after a boot its kubelet may start with a wrong time, and accept no certificate"
        hint = "`systemctl enable systemd-time-wait-sync`, and After=time-sync.target for the kubelet (`systemctl edit kubelet`)"
        yield Finding(CheckName.CLOCK, name, Severity.WARNING, reason, hint)
    # A container has the clock of its machine, and no clock of its own.
    if facts.time_kept is False and facts.has_rtc is not None and not is_before_its_time(facts):
        reason = "nothing keeps its clock at the time of the network: it drifts until certificates and leases are not valid"
        hint = "`timedatectl set-ntp true`, or chrony; then see `timedatectl timesync-status`"
        yield Finding(CheckName.CLOCK, name, Severity.WARNING, reason, hint)


def is_before_its_time(facts: HostFacts) -> bool:
    """Return whether a clock stands at a time at which no release of this tool was."""
    return 0 < facts.time < _BEFORE_ANY_RELEASE


def _names(names: tuple[str, ...]) -> str:
    return printable(", ".join(names))
