"""Checks before an upgrade in place: pure, from what was read to findings, each with its cure."""
