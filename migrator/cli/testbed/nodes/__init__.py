"""`migrator testbed nodes`."""
