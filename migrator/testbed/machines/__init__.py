"""Test nodes: containers with systemd as init, reached over SSH like any host."""
