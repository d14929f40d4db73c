"""Kubernetes quantities (k8s.io/apimachinery resource.Quantity) as plain numbers."""

from __future__ import annotations

_SUFFIXES = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
    "Ei": 2.0**60,
}


def amount(text: object) -> float:
    """Return what a quantity is in its base unit: cores, bytes, pieces; raises ValueError for what is none."""
    words = str(text).strip()
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if words.endswith(suffix):
            return float(words.removesuffix(suffix)) * _SUFFIXES[suffix]
    return float(words)
