"""A cluster as Pulumi resources."""
