"""The upgrade of one cluster in place: verbs, steps and their values."""
