"""Control planes of plain processes on loopback."""
