"""The person's `migration.yaml`, read into frozen values; all mistakes are reported at once with their line."""
