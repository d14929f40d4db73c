"""Build sessions with real adapters from the person's files: the only package, besides the edges, that knows both."""
