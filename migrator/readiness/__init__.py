"""Whether an object does its work, told from its own status; one small function per kind."""
