"""`migrator upgrade`."""
