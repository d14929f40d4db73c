"""The data in volumes: what is known of each claim, its passes, the last pass around a cutover, and the way home."""
