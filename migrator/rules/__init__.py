"""What copying gets right, as pure functions from manifest to manifest; no I/O and no deepcopy anywhere below."""
