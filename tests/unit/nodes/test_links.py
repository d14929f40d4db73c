"""What manages a host's own links leaves those of pods alone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from migrator.nodes.links import LinksLeftAlone
from tests.support.shell_host import ShellHost

MATCHED = "/etc/systemd/network/05-migrator.network"
IGNORED = "/etc/NetworkManager/conf.d/60-migrator.conf"


@pytest.mark.parametrize("manager", [False, True])
def test_what_manages_links_is_told_and_asked_to_read_it(tmp_path: Path, *, manager: bool) -> None:
    """NetworkManager where it is; nothing is started that does not run."""
    host = ShellHost(tmp_path)
    for name in ("networkctl", "nmcli"):
        host.program(name, f'#!/bin/sh\necho {name} "$*" >> "$HOST/asked"\n')
    (tmp_path / "units/systemd-networkd").touch()
    if manager:
        host.path(IGNORED).parent.mkdir(parents=True)
        (tmp_path / "units/NetworkManager").touch()
    action = LinksLeftAlone()
    assert not action.done(host)
    action.run(host)
    assert action.done(host)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["networkctl reload", *(["nmcli general reload conf"] if manager else [])]
    assert host.path(IGNORED).exists() is manager
    assert host.path("/etc/systemd/networkd.conf.d/60-migrator.conf").read_text().count("=no") == 2
    host.path(MATCHED).write_text("[Match]\nName=*\n")
    assert not action.done(host)


@pytest.mark.parametrize(
    ("link", "of_pods"),
    [
        *((name, True) for name in ("veth0a1b2c3d", "vethwepl12ab34c", "vethwe-bridge", "weave", "datapath", "vxlan-6784", "cni0")),
        *((name, True) for name in ("cali1234567890a", "vxlan.calico", "flannel.1", "cilium_host", "kube-ipvs0")),
        *((name, False) for name in ("eth0", "en0", "wlan0", "veth0", "br0", "lxcbr0", "vlan10", "wg0")),
    ],
)
def test_links_of_pods_are_told_from_a_person_s_own(tmp_path: Path, link: str, *, of_pods: bool) -> None:
    """As networkd and NetworkManager read them (glob)."""
    host = ShellHost(tmp_path)
    LinksLeftAlone().run(host)
    (names,) = (line for line in host.path(MATCHED).read_text().splitlines() if line.startswith("Name="))
    assert any(fnmatchcase(link, name) for name in names.removeprefix("Name=").split()) is of_pods
