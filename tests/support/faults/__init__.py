"""The fault suite: seeded rounds of copy, cutover, rollback and retire, each with one fault, on real servers."""
