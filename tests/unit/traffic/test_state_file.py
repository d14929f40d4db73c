"""The file has our weights; addresses, ports, health and other backends are left to haproxy.cfg."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.errors import TrafficError
from migrator.traffic.backend import Server
from migrator.traffic.next_start import Kept
from migrator.traffic.state_file import StateFile, merged

OURS = "3 shop 2 green {address} 0 {admin} 30 100 77 8 2 0 14 0 0 0 {name} {port} {record} 1 9 10.0.0.9 10.0.0.9 9"
OTHER = "4 other 1 a 10.0.0.7 2 0 3 7 0 15 3 4 6 0 0 0 - 1001 - 0 0 - - 0"


def server(admin: int = 0, *, name: str = "-", record: str = "-") -> Server:
    """Return a server as HAProxy describes it, with more fields than it must have."""
    line = OURS.format(address="10.0.0.1", admin=admin, name=name, port=80, record=record)
    return Server("green", {"status": "DOWN"}, tuple(line.split()))


def line(text: str) -> list[str]:
    """Return the fields of the last line."""
    return text.rstrip("\n").rsplit("\n", 1)[1].split()


def test_a_line_has_weight_and_maintenance_and_nothing_of_the_configuration() -> None:
    """No address, no port, no TLS, no health; the weight that haproxy.cfg had, so that HAProxy sees whether it changed."""
    fields = line(merged("", [server(1)], pin_ports=False))
    assert fields[:9] == ["3", "shop", "2", "green", "-", "2", "1", "30", "100"]
    assert len(fields) == 20
    assert (fields[17], fields[19]) == ("see-haproxy.cfg", "_see-haproxy.cfg")


def test_a_weight_that_was_changed_in_haproxy_cfg_since_its_start_is_seen(tmp_path: Path) -> None:
    """HAProxy would leave ours out, since the file says that it had another one (haproxy#3296): ours is later."""
    file = StateFile(tmp_path / "state")
    assert file.kept("shop") == {}
    file.keep([server(5)], {"green": 40, "blue": 3}, pin_ports=True)
    assert file.kept("shop") == {"green": Kept(30, 40, 5)}
    assert file.kept("other") == {}
    (tmp_path / "state").write_text("1\n3 shop 2\n")
    with pytest.raises(TrafficError, match="no server's"):
        file.kept("shop")


@pytest.mark.parametrize(("admin", "kept"), [(0, 0), (1, 1), (8, 0), (4, 4), (5, 5), (0x45, 5), (0x28, 0), (0x22, 0), (0x21, 1)])
def test_drain_is_not_kept(admin: int, kept: int) -> None:
    """A weight of 0 is the same, without a warning at the start; what is disabled stays so, and a name gets an address (haproxy#576)."""
    assert line(merged("", [server(admin)], pin_ports=True))[6] == str(kept)


def test_a_port_stays_where_a_warning_would_keep_haproxy_from_starting() -> None:
    """The address does not."""
    fields = line(merged("", [server()], pin_ports=True))
    assert (fields[4], fields[17:20]) == ("-", ["-", "80", "-"])


def test_names_are_left_to_haproxy_cfg_and_records_to_dns() -> None:
    """A host name is looked up again; a server that a SRV record made is known by that record only."""
    assert line(merged("", [server(name="green.example")], pin_ports=False))[17:20] == ["-", "80", "-"]
    by_record = line(merged("", [server(name="n1.example", record="_http._tcp.green")], pin_ports=False))
    assert by_record[17:20] == ["n1.example", "80", "_http._tcp.green"]


def test_other_lines_stay_and_ours_are_replaced() -> None:
    """Other backends, and other servers of ours, are a person's own."""
    second = OTHER.replace(" other 1 a ", " shop 3 old ")
    text = f"1\n# header\n{OTHER}\n{line_of()}\n{second}\n"
    lines = merged(text, [server()], pin_ports=True).splitlines()
    assert lines[0] == "1"
    assert lines[2:4] == [OTHER, second]
    assert len(lines) == 5
    assert merged("\n".join([*lines, ""]), [server()], pin_ports=True).splitlines() == lines


def line_of() -> str:
    """Return a line that an earlier version wrote."""
    return OURS.format(address="10.0.0.1", admin=0, name="-", port=80, record="-")


def test_a_file_that_is_something_else_is_not_written_over(tmp_path: Path) -> None:
    """Such as haproxy.cfg itself."""
    path = tmp_path / "haproxy.cfg"
    path.write_text("global\n")
    with pytest.raises(TrafficError, match="something else"):
        StateFile(path).require_usable()
    with pytest.raises(TrafficError, match=r"something else.*would lose them"):
        StateFile(path).keep([server()], pin_ports=True)
    assert path.read_text() == "global\n"


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """There is no moment with half of it, and bytes of others that are not text stay."""
    path = tmp_path / "state"
    path.write_bytes(b"1\n# header\n4 other 1 \xff 10.0.0.7 2 0 3 7 0 15 3 4 6 0 0 0 - 1 -\n")
    StateFile(path).require_usable()
    StateFile(path).keep([server()], pin_ports=True)
    assert b" 1 \xff 10" in path.read_bytes()
    assert [item.name for item in tmp_path.iterdir()] == ["state"]


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(TrafficError, match="cannot be read: Is a directory"):
        StateFile(tmp_path).require_usable()
