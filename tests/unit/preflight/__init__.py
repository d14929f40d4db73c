"""Tests of what is done to hosts."""
