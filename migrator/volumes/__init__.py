"""Moves the data of volumes between hosts: `agent/` runs on the hosts, the rest reaches it from here."""
