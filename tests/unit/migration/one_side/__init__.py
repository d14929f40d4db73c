"""Tests of what runs on one side only."""
