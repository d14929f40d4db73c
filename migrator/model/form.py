"""Tell objects that validation treats alike: the same fields, with values of the same form."""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from typing import Any

# Longest names that validation takes: ports, CronJobs, DNS labels, DNS subdomains (k8s.io/apimachinery, util/validation).
_LENGTHS = (15, 52, 63, 253)
# Where the meaning of a number changes: none, one, ports that need rights, no port.
_NUMBERS = (0, 1, 1024, 65536)
# A value of an enumeration, such as ClusterIP.
_WORD = re.compile(r"[A-Z][A-Za-z]{1,39}")
_NETWORK = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
_RUN = re.compile(r"[A-Za-z0-9]+")


def form_of(value: Any) -> Hashable:
    """Return a key that is equal for objects, or values, that differ in names, texts and counts only.

    Enumerations and networks count as they are, other texts by their characters:
    `web-1` and `db-22` are alike, `Web_1` and `1.2` are not.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return tuple((key, form_of(item)) for key, item in value.items())
    if isinstance(value, list):
        return ("list", *dict.fromkeys(map(form_of, value)))
    if value is None or isinstance(value, bool):
        return (value,)
    return sum(int(value >= limit) for limit in _NUMBERS)


@lru_cache(maxsize=50_000)
def _text(text: str) -> str:
    if _WORD.fullmatch(text) or _NETWORK.fullmatch(text):
        return text
    return f"{sum(len(text) > limit for limit in _LENGTHS)}{_RUN.sub(_run, text)}"


def _run(match: re.Match[str]) -> str:
    run = match[0]
    if run.isdigit():
        return "0" if run[0] == "0" and len(run) > 1 else "1"
    return ("1" if run[0].isdigit() else "") + ("a" if run.islower() else "A")
