"""Syntax trees of source files, for tests that look at how the code is written."""

from __future__ import annotations

import ast
import functools
import gc
from pathlib import Path


def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a source text, made while nothing is collected.

    A finalizer that parses, too, breaks the tree's construction in Python 3.11 (cpython#106905).
    """
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()


@functools.cache
def text_of(path: Path) -> str:
    """Return what a file holds, which no test changes."""
    return path.read_text()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file; several tests look at the same one."""
    return parsed(text_of(path))
