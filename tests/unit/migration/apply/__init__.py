"""Unit tests of `migrator.migration.apply`."""
