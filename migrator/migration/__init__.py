"""The migration to a second cluster, blue to green: verbs, phases and their values."""
