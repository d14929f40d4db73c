"""A real Pulumi engine for the tests."""
