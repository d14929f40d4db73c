"""Write text of a cluster or a host into YAML, HTML, JSON, shell or a terminal; no other module does that.

Names, images, messages and answers are chosen by others: a tenant of blue, a server, a program on a host. In another
language the same characters are syntax. Each function here returns text that the target language reads as plain data.
"""

from __future__ import annotations

import html
import json
import re
import shlex
import unicodedata

# Unicode categories that are shown as escapes: controls, format characters (bidirectional overrides, zero width),
# code points without a character, surrogates, separators of lines and paragraphs, and spaces other than U+0020
# (CVE-2021-25743, CVE-2021-42574).
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
# Letters, marks and a symbol of other categories that a terminal shows as nothing: Default_Ignorable_Code_Point of Unicode's
# DerivedCoreProperties.txt as far as the categories above do not have them, the Khitan filler and the empty braille pattern.
# Two texts that differ in them look the same, and variation selectors can carry a whole hidden text.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U000e0100-\U000e01ef]"
)
_BEYOND_ASCII = re.compile(r"[\x7f-\U0010ffff]")
HIDDEN = "(hidden)"
# User and password in an address.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#@\"'`]+(?=@)")
# Characters: a comment is a hint beside a setting.
_COMMENT_LIMIT = 200
# An object may hold 1.5 MiB (etcd's limit of a request), and lists of names that a person wants whole are shorter than this.
_LINE_LIMIT = 20_000
# A host name with a port, as an image reference has it (github.com/distribution/reference).
_IMAGE_REGISTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?::[0-9]{1,5})?")


def printable(text: str) -> str:
    r"""Return the text with every character that a terminal does not simply print as an escape, such as `\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if _hides(char) else char for char in text)


def shortened(text: str) -> str:
    """Return the text as it is, or its beginning where one value would fill many screens."""
    return text if len(text) <= _LINE_LIMIT else f"{text[:_LINE_LIMIT]}… ({len(text) - _LINE_LIMIT} more characters)"


def printable_lines(text: str) -> list[str]:
    """Return the lines of a text, each printable; all but the first are marked, so that none looks like the tool's own."""
    first, *others = shortened(text).split("\n")
    return [printable(first), *(f"  | {printable(line)}" for line in others)]


def without_credentials(text: str) -> str:
    """Return the text with user and password of the addresses in it hidden."""
    return _CREDENTIALS.sub(HIDDEN, text)


def for_yaml(text: str) -> str:
    """Return the text as a double-quoted YAML scalar in one line."""
    import yaml  # here, so that `--help` does not wait for it

    return str(yaml.safe_dump(text, default_style='"', width=float("inf"), allow_unicode=False)).rstrip("\n")


def for_cel(text: str) -> str:
    """Return the text as a string literal of CEL (github.com/google/cel-spec, langdef.md: escapes are a superset of JSON's)."""
    return json.dumps(text)


def for_yaml_comment(text: str) -> str:
    """Return the text so that it cannot end a YAML comment; a long text is cut."""
    shown = printable(text)
    return shown if len(shown) <= _COMMENT_LIMIT else f"{shown[:_COMMENT_LIMIT]}…"


def for_json(document: str) -> str:
    r"""Return a text in JSON with every character in it that a terminal does not simply print as an escape, such as `\u009b`.

    It means the same. JSON itself asks for escapes of U+0000 to U+001F only (RFC 8259, section 7).
    """
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1] if _hides(found[0]) else found[0], document)


def for_html(text: str) -> str:
    """Return the text as HTML character data, also fit for a quoted attribute."""
    return html.escape(printable(text))


def for_shell(text: str) -> str:
    """Return the text as one word of a POSIX shell; raises ValueError for a NUL byte, which no argument can hold."""
    if "\0" in text:
        raise ValueError("an argument cannot hold a NUL byte")
    return shlex.quote(text)


def is_image_registry(text: str) -> bool:
    """Return whether the text can be the registry part of an image reference."""
    return _IMAGE_REGISTRY.fullmatch(text) is not None


def _hides(char: str) -> bool:
    return char != " " and (unicodedata.category(char) in _UNPRINTABLE or _INVISIBLE.match(char) is not None)


def _escaped(char: str) -> str:
    code = ord(char)
    if char in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
