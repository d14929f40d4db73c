"""The command line: options, wiring, one call, exit code."""
