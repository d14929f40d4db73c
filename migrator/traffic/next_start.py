"""What haproxy.cfg would give at the next start, and the lines to change so that it gives what was set. Reads text only.

Source: HAProxy configuration manual, sections 4 (proxies), 5.2 (`weight`, `disabled`) and 3.1 (`server-state-file`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

from migrator.untrusted import printable

# Words that begin a section, wherever they stand in their line (configuration manual, section 2; src/cfgparse.c): HAProxy
# takes no notice of indentation.
_SECTIONS = frozenset(
    {"acme", "backend", "cache", "crt-store", "defaults", "fcgi-app", "frontend", "global", "http-errors", "listen", "log-forward"}
    | {"log-profile", "mailers", "peers", "program", "resolvers", "ring", "traces", "userlist"}
)
_WEIGHT = re.compile(r"(?<=\s)weight\s+(\d+)(?!\S)")
_DISABLED = re.compile(r"\s+disabled(?!\S)")
_ENABLED = re.compile(r"\s+enabled(?!\S)")
# What comes before a comment: `#` begins one wherever it is neither quoted nor escaped (configuration manual, section 2.2).
_CODE = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^#\\'"])*""")
# `server NAME`, `server-template PREFIX NUMBER` or `PREFIX FIRST-LAST` (configuration manual, section 4).
_MAKES = ("server", "server-template")
_NAMED_BY_ENVIRONMENT = re.compile(r"^\s*(backend|listen)\s.*\$", re.MULTILINE)
_QUOTES = re.compile(r"[\"'\\]")
# Bits of srv_admin_state (management guide, `show servers state`).
_BY_COMMAND = 0x01
_WAS_DISABLED = 0x04
# Of a server without `weight` (HAProxy configuration manual).
_DEFAULT_WEIGHT = 1


@dataclass(slots=True, frozen=True)
class ServerLine:
    """One `server` line of the backend."""

    name: str
    text: str
    """Without indentation and comment."""
    weight: int
    disabled: bool
    number: int = 0
    """The place of its line in the text, from 0."""
    off_by_default: bool = False
    """Whether `default-server` says `disabled`, so that only `enabled` lets it have traffic."""

    @property
    def by_variable(self) -> bool:
        """Whether its weight stands in the environment, so that nobody sees it here."""
        return "weight" in self.text.split() and not _WEIGHT.search(self.text)

    def with_weight(self, weight: int) -> str:
        """Return the line as it must be for this weight."""
        text = _DISABLED.sub("", self.text) if weight else self.text
        text += " enabled" * bool(weight and self.off_by_default and not _ENABLED.search(text))
        found = _WEIGHT.search(text)
        return f"{text[: found.start()]}weight {weight}{text[found.end() :]}" if found else f"{text} weight {weight}"

    @property
    def unweighted(self) -> list[str]:
        """Its words without those that say how much traffic it gets."""
        return _ENABLED.sub("", _DISABLED.sub("", _WEIGHT.sub("", self.text))).split()


class Kept(NamedTuple):
    """What a state file has of one server."""

    weight: int
    configured: int
    """The weight in haproxy.cfg when that was written: with another one there, HAProxy takes that (haproxy#3296)."""
    admin: int
    """Bits of srv_admin_state: maintenance by command, and `disabled` in haproxy.cfg when that was written."""


def loads_state(config: str, backend: str) -> bool:
    """Return whether HAProxy takes a backend's weights from a state file at its start; its own word replaces that of `defaults`."""
    told = [line.words[1:2] for line in _lines_for(config, backend) if line.words[0] == "load-server-state-from-file"]
    return bool(told) and told[-1] in (["global"], ["local"])


def takes_weights_of_records(config: str, backend: str) -> bool:
    """Return whether records of DNS (SRV) set weights in a backend: `resolve-opts ignore-weight` forbids it to them."""
    return not any("ignore-weight" in word.split(",") for line in _lines_for(config, backend) for word in line.words)


def chosen_by_rules(config: str, backend: str) -> list[str]:
    """Return the servers that rules of a backend choose past all weights (`use-server`; configuration manual, section 4)."""
    return [line.words[1] for line in _lines_for(config, backend) if line.words[0] == "use-server" and len(line.words) > 1]


def made_while_running(config: str, backend: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that no line of haproxy.cfg makes: they were added by command (`add server`, `add backend`).

    A text that takes names from the environment tells nothing.
    """
    lines = [line.words for line in _lines_for(config, backend)]
    if any("$" in name for words in lines if words[0] in _MAKES for name in words[1:3]) or _NAMED_BY_ENVIRONMENT.search(config):
        return []
    made = {words[1] for words in lines if words[0] == "server" and len(words) > 1}
    for words in (words for words in lines if words[0] == "server-template" and len(words) > 2):
        first, _, last = words[2].rpartition("-")
        if (first or "1").isdecimal() and last.isdecimal():
            made |= {f"{words[1]}{number}" for number in range(int(first or 1), int(last) + 1)}
    return [name for name in names if name not in made]


def reads_another_state_file(config: str, backend: str, path: PurePath) -> bool:
    """Return whether a backend that takes its weights from a state file is seen to read none, or another one than this."""
    told = [line.words for line in _lines_for(config, backend) if line.words[0] == "load-server-state-from-file"]
    whole = {line.words[0]: line.words[-1] for line in _code(config) if line.words[0] in ("server-state-file", "server-state-base")}
    if not told or told[-1][1:2] != ["global"]:
        return False
    if "server-state-file" not in whole:
        return True
    read = PurePath(whole.get("server-state-base", "")) / whole["server-state-file"]
    if "$" in str(read) or not (read.is_absolute() and path.is_absolute()):
        return False
    # The second is a link to the first on each system of today.
    return str(read).replace("/var/run/", "/run/") != str(path).replace("/var/run/", "/run/")


def weights_written(config: str, backend: str) -> dict[str, int]:
    """Return the weights that the text gives, by server; without those that stand in the environment."""
    return {line.name: line.weight for line in server_lines(config, backend) if not line.by_variable}


def keeps_shares(config: str, backend: str, kept: Mapping[str, Kept], shares: Mapping[str, int]) -> bool:
    """Return whether a start that loads this state, over this text, gives these shares of the traffic.

    Source: src/server_state.c (srv_state_srv_update), the same from HAProxy 2.4 to 3.4.
    """
    lines = {line.name: line for line in server_lines(config, backend) if line.name in shares}
    given = _given(lines)
    for name in shares.keys() & kept.keys():
        state, line = kept[name], lines.get(name)
        if line is None or line.by_variable or line.weight == state.configured:
            given[name] = state.weight
        # `disabled` that was not there when the file was written wins over it.
        if state.admin & _BY_COMMAND or (line and line.disabled and not state.admin & _WAS_DISABLED):
            given[name] = 0
    return given.keys() == shares.keys() and _parts(given) == _parts(shares)


def lines_to_change(config: str, backend: str, shares: Mapping[str, int]) -> list[str]:
    """Return the `server` lines that must differ, as they must be, so that a start gives these shares of the traffic.

    Weights count as parts of their sum: 100 and 0 are as good as 1 and 0.
    """
    found = {line.name: line for line in server_lines(config, backend) if line.name in shares}
    if found.keys() == shares.keys() and _parts(_given(found)) == _parts(shares):
        return []
    return [printable(_line(found.get(name), name, share)) for name, share in shares.items()]


def rewritten(config: str, backend: str, shares: Mapping[str, int], earlier: str = "") -> str:
    """Return the text with these servers' lines changed so that a start gives these shares; all else stays, to the byte.

    Where `earlier` is the text of a time with the same shares, its lines are taken as they were.
    """
    before: dict[str, list[ServerLine]] = {}
    for line in server_lines(earlier, backend):
        if line.name in shares:
            before.setdefault(line.name, []).append(line)
    as_before = before.keys() == shares.keys() and _parts(_given({name: found[-1] for name, found in before.items()})) == _parts(
        shares
    )
    lines = config.split("\n")
    for line in server_lines(config, backend):
        if line.name not in shares:
            continue
        # Conditions (`.if`) have a server's line once for each of their branches.
        was = before[line.name].pop(0) if before.get(line.name) else None
        keeps = as_before and was is not None and was.unweighted == line.unweighted
        text = was.text if was and keeps else line.with_weight(shares[line.name])
        raw = lines[line.number]
        begins = raw.index(line.text)
        lines[line.number] = f"{raw[:begins]}{text}{raw[begins + len(line.text) :]}"
    return "\n".join(lines)


def server_lines(config: str, backend: str) -> Iterator[ServerLine]:
    """Yield the `server` lines of a backend, or of a `listen` section of that name."""
    default, off = _DEFAULT_WEIGHT, False
    for line in _lines_for(config, backend):
        if line.words[0] == "default-server":
            weight = _WEIGHT.search(line.text)
            default = int(weight[1]) if weight else default
            off = (off or _DISABLED.search(line.text) is not None) and not _ENABLED.search(line.text)
        elif line.words[0] == "server" and len(line.words) > 2:
            weight = _WEIGHT.search(line.text)
            disabled = _DISABLED.search(line.text) is not None or (off and not _ENABLED.search(line.text))
            yield ServerLine(line.words[1], line.text, int(weight[1]) if weight else default, disabled, line.number, off)


class _Line(NamedTuple):
    """A line of a section."""

    words: list[str]
    """Without quotes, of which a name is no part."""
    text: str
    """Without indentation and comment."""
    number: int


def _lines_for(config: str, backend: str) -> Iterator[_Line]:
    """Yield the lines that count for a backend: of the `defaults` that it has, then its own.

    Those are the last ones before it, or the ones that it names (`from`); `defaults` may be made from others as well.
    """
    kept: dict[str, list[_Line]] = {}
    latest: list[_Line] = []
    within: list[_Line] = []
    found: list[list[_Line]] = []
    for line in _code(config):
        if line.words[0] not in _SECTIONS:
            within.append(line)
            continue
        kind, name, parent = line.words[0], *_named(line.words)
        within = []
        if kind == "defaults":
            within = list(kept.get(parent, ())) if parent else []
            latest = kept[name] = within
        elif kind in ("backend", "listen") and name == backend:
            found += [kept.get(parent, []) if parent else latest, within]
    for part in found:
        yield from part


def _named(words: list[str]) -> tuple[str, str]:
    """Return the name of a section, and that of the `defaults` that it is made from."""
    rest = words[1:]
    parent = rest[rest.index("from") + 1 :][:1] if "from" in rest else []
    return (rest[0] if rest and rest[0] != "from" else ""), "".join(parent)


def _code(config: str) -> Iterator[_Line]:
    """Yield the lines that are neither empty nor a comment alone."""
    for number, raw in enumerate(config.split("\n")):
        found = _CODE.match(raw)
        text = (found[0] if found else raw).strip()
        if text:
            yield _Line([_QUOTES.sub("", word) for word in text.split()], text, number)


def _line(line: ServerLine | None, name: str, weight: int) -> str:
    return line.with_weight(weight) if line else f"server {name} ... weight {weight}"


def _given(lines: Mapping[str, ServerLine]) -> dict[str, int]:
    return {name: 0 if line.disabled else line.weight for name, line in lines.items()}


def _parts(weights: Mapping[str, int]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: round(weight / total, 2) if total else 0.0 for name, weight in weights.items()}
