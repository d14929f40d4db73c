"""Tests of load balancers."""
