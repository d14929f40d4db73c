"""`migrator packages`."""
