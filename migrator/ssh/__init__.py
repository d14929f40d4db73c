"""Hosts over the system's ssh."""
