"""What one hop of an upgrade does to a host."""
