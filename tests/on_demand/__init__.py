"""Tests that take too long for every run; each has a make target of its own, and its last result stands in docs/."""
