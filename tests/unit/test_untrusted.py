"""Text of others stays data in YAML, HTML, shell and on a terminal; the inputs are from the public reports that are named."""

from __future__ import annotations

import subprocess
from html.parser import HTMLParser

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from migrator.untrusted import for_html, for_shell, for_yaml, for_yaml_comment, is_image_registry, printable, printable_lines
from tests.support.hostile import HOSTILE

TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)


def _is_plain(text: str) -> bool:
    return all(char.isprintable() or char == " " for char in text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_gets_no_control_or_format_character(text: str) -> None:
    """What is printed holds printable characters only, and in one line."""
    assert all(ord(char) >= 0x20 and not 0x7F <= ord(char) <= 0x9F for char in printable(text))
    hidden = "\u202e\u2067\u2069\u200b\ufeff\u2028\u2029\u3164\u115f\u1160\uffa0\u034f\u2800\ufe0f\u00a0\u3000\U00016fe4\U000e0164"
    assert not any(char in printable(text) for char in hidden)


@given(TEXT)
def test_printable_text_can_be_encoded_and_is_stable_where_it_was_plain(text: str) -> None:
    """Every text can be printed as UTF-8, and plain text is not changed."""
    printable(text).encode()
    if _is_plain(text) and text.isascii():
        assert printable(text) == text


def test_escapes_are_visible() -> None:
    """A person sees what the text really holds."""
    assert printable("\x1b[0m\n\u202e\U000e0001") == "\\x1b[0m\\n\\u202e\\U000e0001"


def test_a_second_line_never_looks_like_a_line_of_the_tool() -> None:
    """A message with a line break cannot fake a verdict."""
    assert printable_lines("bad\nverdict: good") == ["bad", "  | verdict: good"]


@pytest.mark.parametrize(
    "text", [*HOSTILE[:-2], "", "no", "on", "1e3", "null", "~", "0x1f", "2026-01-01", "- a", "*a", "&a", "!!python"]
)
def test_a_yaml_scalar_is_read_back_as_the_same_text(text: str) -> None:
    """Also words that YAML 1.1 reads as booleans or numbers (kubernetes#34146, cdk8s-core#1230)."""
    written = for_yaml(text)
    assert "\n" not in written
    assert yaml.safe_load(f"key: {written}\nnext: 1") == {"key": text, "next": 1}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_one_yaml_scalar(text: str) -> None:
    """Nothing in a text ends the scalar or adds a key."""
    assert yaml.safe_load(f"{{a: {for_yaml(text)}, b: 1}}") == {"a": text, "b": 1}


@given(TEXT)
def test_a_yaml_comment_adds_nothing_to_a_document(text: str) -> None:
    """Whatever the comment says, the document is the same."""
    assert yaml.safe_load(f"a: 1 # {for_yaml_comment(text)}\n# {for_yaml_comment(text)}\nb: 2\n") == {"a": 1, "b": 2}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a tag and its attributes."""
        self.tags.append((tag, attrs))


@given(TEXT)
def test_html_text_opens_no_tag_and_ends_no_attribute(text: str) -> None:
    """A parser sees the one tag and the one attribute of the template."""
    parser = _Tags()
    parser.feed(f'<p title="{for_html(text)}">{for_html(text)}</p>')
    assert [(tag, [name for name, _ in attributes]) for tag, attributes in parser.tags] == [("p", ["title"])]


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\ud800" not in text])
def test_a_shell_gets_one_word(text: str) -> None:
    """A real shell hands the text on unchanged, and runs nothing of it."""
    done = subprocess.run(["sh", "-c", f"printf %s {for_shell(text)}"], capture_output=True, check=True)
    assert done.stdout.decode() == text


def test_a_nul_byte_cannot_be_an_argument() -> None:
    """It would cut the word short."""
    with pytest.raises(ValueError, match="NUL"):
        for_shell("a\0b")


@pytest.mark.parametrize(
    ("text", "answer"), [("docker.io", True), ("r.example:5000", True), ("a b", False), ("a\nb", False), ("", False)]
)
def test_a_registry_is_a_host_name_with_a_port(text: str, answer: bool) -> None:  # noqa: FBT001 - a row
    """Anything else in the place of a registry is left out."""
    assert is_image_registry(text) is answer
