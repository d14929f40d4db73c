"""Tests of what is recognised as running on one side only."""
