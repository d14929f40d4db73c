"""The verbs of a migration: a module for each, with the order in which things happen."""
