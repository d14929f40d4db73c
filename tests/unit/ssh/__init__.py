"""Tests of the connection to hosts."""
