"""Frozen values that travel between the layers; no behaviour beyond properties, no I/O."""
