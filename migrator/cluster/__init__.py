"""What both the migration and the upgrade ask of a live cluster."""
