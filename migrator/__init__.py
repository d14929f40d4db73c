"""Move a Kubernetes cluster to a new version without fear."""

__version__ = "0.1.0"
