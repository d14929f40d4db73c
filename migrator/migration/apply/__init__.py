"""Bring one object to green: judge it, create or replace it, and what single kinds need besides."""
