"""`migrator testbed`."""
