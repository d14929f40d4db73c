"""Syntax trees of source files, for tests that look at how the code is written."""

from __future__ import annotations

import ast
import gc


def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a source text, made while nothing is collected.

    A finalizer that parses, too, breaks the tree's construction in Python 3.11 (cpython#106905).
    """
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()
