"""Tests of what is asked of a live cluster."""
