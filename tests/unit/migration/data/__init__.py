"""Tests of the data in volumes."""
