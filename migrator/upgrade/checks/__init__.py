"""Checks before an upgrade: facts in, findings out."""
