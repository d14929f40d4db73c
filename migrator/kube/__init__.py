"""The adapter to Kubernetes API servers; the only place that knows the client library and HTTP."""
