"""Unit tests of the fault suite."""
