"""What boards lack that servers have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.model.host import HostFacts
from migrator.readiness import boards, hosts

ALL = frozenset({"cpuset", "cpu", "io", "memory", "pids"})
BOARD = HostFacts(architecture="aarch64", controllers=ALL, page_size=4096, time=1.8e9)


@pytest.mark.parametrize(
    ("controllers", "arguments", "words"),
    [
        (ALL, (), ""),
        (frozenset(), (), ""),
        (ALL - {"memory"}, (), "add cgroup_enable=memory to the end"),
        (ALL - {"memory"}, ("cgroup_disable=memory", "cgroup_enable=memory"), "booted with cgroup_disable=memory"),
        (ALL - {"cpuset", "pids"}, (), "add cgroup_enable=cpuset"),
        (ALL - {"pids"}, (), "boot a kernel that has them"),
        # What is off is only that which it names, one or several; what was enabled again is no cause.
        (ALL - {"pids"}, ("cgroup_disable=memory", "cgroup_enable=memory"), "boot a kernel that has them"),
        (
            ALL - {"pids"},
            ("cgroup_disable=memory", "cgroup_disable=io,pids"),
            "with cgroup_disable=io,pids: add cgroup_enable=pids",
        ),
        (ALL - {"memory"}, ("cgroup_disable=\x1bmemory",), "add cgroup_enable=memory to the end"),
    ],
)
def test_a_controller_that_is_off_has_its_own_cure(controllers: frozenset[str], arguments: tuple[str, ...], words: str) -> None:
    """Which word counts changed with kernels of 2025 (raspberrypi/linux#6980); a host that does not tell is let be."""
    found = list(boards.controllers("pi", replace(BOARD, controllers=controllers, kernel_arguments=arguments)))
    assert [words in item.hint and "/boot/cmdline.txt" in item.hint for item in found] == ([True] if words else [])


@pytest.mark.parametrize(
    ("facts", "accepted", "severity"),
    [
        (BOARD, False, ""),
        (replace(BOARD, swaps=("/dev/zram0",)), False, "failure"),
        (replace(BOARD, swap_units=("dev-zram0.swap",)), False, "warning"),
        (replace(BOARD, swaps=("/dev/zram0",), swap_units=("dev-zram0.swap",)), True, ""),
    ],
)
def test_swap_now_and_swap_at_the_next_boot_are_told_apart(facts: HostFacts, severity: str, *, accepted: bool) -> None:
    """With failSwapOn: false it is a person's own choice (KEP-2400)."""
    assert [item.severity.value for item in boards.swap("pi", facts, accepted=accepted)] == ([severity] if severity else [])


@pytest.mark.parametrize(("size", "found"), [(0, 0), (4096, 0), (16384, 1), (65536, 1)])
def test_large_pages_are_told(size: int, found: int) -> None:
    """Programs built for 4 KiB do not start on them."""
    assert len(list(boards.pages("pi", replace(BOARD, page_size=size)))) == found


@pytest.mark.parametrize(
    ("architecture", "minor", "repository", "found"),
    [("armv7l", 37, "", 1), ("armv6l", 37, "", 1), ("armv7l", 26, "", 0), ("armv7l", 37, "r.example", 0), ("aarch64", 37, "", 0)],
)
def test_32_bit_arm_needs_images_of_its_own(architecture: str, minor: int, repository: str, found: int) -> None:
    """registry.k8s.io has none since 1.27."""
    assert len(list(boards.architecture("pi", replace(BOARD, architecture=architecture), minor, repository))) == found


def test_a_clock_without_a_battery_is_told_once() -> None:
    """In 1970 the reason is not a skew of seconds; before a boot it is a warning."""
    old = replace(BOARD, time=12.0, skew=-1.8e9, has_rtc=False)
    (found,) = [*boards.clock_at_boot("pi", old), *hosts.clock("pi", old)]
    assert (found.severity.value, "1970-01-01" in found.reason) == ("failure", True)
    warned = list(boards.clock_at_boot("pi", replace(BOARD, has_rtc=False)))
    assert [item.severity.value for item in warned] == ["warning"]
    assert list(boards.clock_at_boot("pi", replace(BOARD, has_rtc=False, waits_for_time=True))) == []
    assert list(boards.clock_at_boot("pi", BOARD)) == []


@pytest.mark.parametrize(
    ("kept", "has_rtc", "warned"), [(False, True, True), (False, None, False), (True, True, False), (None, True, False)]
)
def test_a_clock_that_nothing_keeps_is_told(*, kept: bool | None, has_rtc: bool | None, warned: bool) -> None:
    """It is right now, and drifts; a container has the clock of its machine."""
    found = list(boards.clock_at_boot("pi", replace(BOARD, time=1.8e9, has_rtc=has_rtc, time_kept=kept)))
    assert [("timedatectl set-ntp true" in item.hint, item.severity.value) for item in found] == [(True, "warning")] * warned


@pytest.mark.parametrize(
    ("architecture", "bits", "found"),
    [("aarch64", 32, 1), ("x86_64", 32, 1), ("aarch64", 64, 0), ("aarch64", 0, 0), ("armv7l", 32, 0), ("i686", 32, 0)],
)
def test_a_32_bit_system_below_a_64_bit_kernel_is_told(architecture: str, bits: int, found: int) -> None:
    """Raspberry Pi OS had it for years; a kernel of 32 bits is another finding, and a host that does not tell is let be."""
    findings = list(boards.word_size("pi", replace(BOARD, architecture=architecture, bits=bits)))
    assert [(item.severity.value, architecture in item.reason) for item in findings] == [("failure", True)] * found


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_kernel_that_was_replaced_without_a_boot_is_a_warning(*, is_replaced: bool) -> None:
    """With the node to drain by its name."""
    findings = list(boards.replaced_kernel("pi", replace(BOARD, kernel_replaced=is_replaced)))
    assert [(item.severity.value, "drain pi" in item.hint) for item in findings] == [("warning", True)] * is_replaced
