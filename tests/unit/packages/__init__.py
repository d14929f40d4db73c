"""Tests of building packages."""
