"""`migrator data`: the data in volumes."""
