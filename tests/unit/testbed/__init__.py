"""Tests of what the testbed keeps and how it is made."""
