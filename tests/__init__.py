"""The tests: `unit` needs nothing, `integration` runs on real control planes and a real HAProxy."""
