"""The verbs: each takes plain inputs and ports and returns a value; none of them prints or knows an adapter."""
