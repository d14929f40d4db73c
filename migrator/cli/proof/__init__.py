"""`migrator proof`: proofs of volumes."""
