"""The order of phases for each verb, over one session's ports."""
