"""Unit tests of `migrator.journal.records`."""
