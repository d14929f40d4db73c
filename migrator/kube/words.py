"""What an API server says of a refused object, without the values that it quotes from it.

The server writes each mistake as `FIELD: Invalid value: VALUE: REASON` (Kubernetes, apimachinery field.Error), and decoders
and webhooks quote what they do not like. Field, reason, and names of kinds and objects stay.
"""

from __future__ import annotations

import json
import re

from migrator.untrusted import HIDDEN

_VALUE = re.compile(r"\b(?:Invalid value|Unsupported value|Duplicate value|Not found|Internal error|Type invalid): ")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?|`[^`]*`?')
# What a decoder shows of the whole document around its mistake.
_CONTEXT = re.compile(r"(?:, )?error found in #\d+ byte of .*", re.DOTALL)
_BINARY = re.compile(r"(?<=base64 binary )'.*?'(?=:|$)", re.DOTALL)
_DENIED = re.compile(r"denied the request: ?")
# What stands before a quoted name, and not before a quoted value.
_NAMES = re.compile(
    r"(?:\b(?:version|webhook|kind|resource|field|labels?|namespaces?|class|finalizers?|serviceaccount|policy|binding|expression)"
    r"|^[\w.-]+|supported values: (?:\"[^\"]*\", )*)\s*$"
)
# The values that a field may have come from the server, not from the object.
_LIST = re.compile(r'supported values: (?:"[^"]*"(?:, )?)+')


def without_values(words: str) -> str:
    """Return a server's words with the values of the refused object hidden."""
    return _without_quotes(_without_bad_values(_BINARY.sub(HIDDEN, _CONTEXT.sub("", words))))


def _without_bad_values(words: str) -> str:
    """Hide what stands after `Invalid value:` and the like: a Go string, a JSON document, or a word."""
    shown, at = [], 0
    for found in _VALUE.finditer(words):
        if found.start() < at:
            continue  # within a value that is hidden already
        shown += [words[at : found.end()], HIDDEN]
        at = _end_of_value(words, found.end())
    return "".join([*shown, words[at:]])


def _end_of_value(words: str, start: int) -> int:
    try:
        return json.JSONDecoder().raw_decode(words, start)[1]
    except (ValueError, RecursionError):
        quoted = _QUOTED.match(words, start)
        if quoted:
            return quoted.end()
    # A Go value without quotes, such as map[a:b] or v1.Quantity{...}: nobody knows where it ends.
    rest = re.match(r"[\w.+-]*(?=: |, |\]|$)", words[start:])
    return start + rest.end() if rest and rest.end() else len(words)


def _without_quotes(words: str) -> str:
    """Hide quoted texts but for names: after a webhook's denial all of them."""
    denied = _DENIED.search(words)
    kept = [found.span() for found in _LIST.finditer(words)]
    shown, at = [], 0
    for found in _QUOTED.finditer(words):
        before, start = words[: found.start()], found.start()
        is_name = bool(_NAMES.search(before)) or any(first <= start < last for first, last in kept)
        if is_name and not (denied and start >= denied.end()):
            continue
        shown += [words[at:start], HIDDEN]
        at = found.end()
    return "".join([*shown, words[at:]])
