"""The report of a migration, made from its journal alone."""
