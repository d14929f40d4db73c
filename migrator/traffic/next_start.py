"""What haproxy.cfg would give at the next start, and the lines to change so that it gives what was set. Reads text only.

Source: HAProxy configuration manual, sections 4 (proxies), 5.2 (`weight`, `disabled`) and 3.1 (`server-state-file`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from migrator.untrusted import printable

_SECTION = re.compile(r"^(?P<kind>[a-z][a-z-]*)(?:\s+(?P<name>\S+))?")
_WEIGHT = re.compile(r"(?<=\s)weight\s+(\d+)(?!\S)")
_DISABLED = re.compile(r"\s+disabled(?!\S)")
# What comes before a comment: `#` begins one wherever it is neither quoted nor escaped (configuration manual, section 2.2).
_CODE = re.compile(r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^#\\'"])*""")
_KEEPS = re.compile(r"^\s*load-server-state-from-file\s+(global|local)\b", re.MULTILINE)
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

    def with_weight(self, weight: int) -> str:
        """Return the line as it must be for this weight."""
        text = _DISABLED.sub("", self.text) if weight else self.text
        found = _WEIGHT.search(text)
        return f"{text[: found.start()]}weight {weight}{text[found.end() :]}" if found else f"{text} weight {weight}"

    @property
    def unweighted(self) -> list[str]:
        """Its words without those that say how much traffic it gets."""
        return _DISABLED.sub("", _WEIGHT.sub("", self.text)).split()


def loads_state(config: str) -> bool:
    """Return whether HAProxy takes weights from a state file at its start."""
    return _KEEPS.search(config) is not None


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
    before = {line.name: line for line in server_lines(earlier, backend) if line.name in shares}
    as_before = before.keys() == shares.keys() and _parts(_given(before)) == _parts(shares)
    lines = config.split("\n")
    for line in server_lines(config, backend):
        if line.name not in shares:
            continue
        was = before.get(line.name)
        keeps = as_before and was is not None and was.unweighted == line.unweighted
        text = was.text if was and keeps else line.with_weight(shares[line.name])
        raw = lines[line.number]
        begins = raw.index(line.text)
        lines[line.number] = f"{raw[:begins]}{text}{raw[begins + len(line.text) :]}"
    return "\n".join(lines)


def server_lines(config: str, backend: str) -> Iterator[ServerLine]:
    """Yield the `server` lines of a backend, or of a `listen` section of that name."""
    within, default = False, _DEFAULT_WEIGHT
    for number, raw in enumerate(config.split("\n")):
        found = _CODE.match(raw)
        line = (found[0] if found else raw).rstrip()
        words = line.split()
        if not words:
            continue
        section = _SECTION.match(line)
        if section:
            within = section["kind"] in ("backend", "listen") and section["name"] == backend
            default = _DEFAULT_WEIGHT
        elif within and words[0] == "default-server":
            weight = _WEIGHT.search(line)
            default = int(weight[1]) if weight else default
        elif within and words[0] == "server" and len(words) > 2:
            weight = _WEIGHT.search(line)
            disabled = _DISABLED.search(line) is not None
            yield ServerLine(words[1], line.strip(), int(weight[1]) if weight else default, disabled, number)


def _line(line: ServerLine | None, name: str, weight: int) -> str:
    return line.with_weight(weight) if line else f"server {name} ... weight {weight}"


def _given(lines: Mapping[str, ServerLine]) -> dict[str, int]:
    return {name: 0 if line.disabled else line.weight for name, line in lines.items()}


def _parts(weights: Mapping[str, int]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: round(weight / total, 2) if total else 0.0 for name, weight in weights.items()}
