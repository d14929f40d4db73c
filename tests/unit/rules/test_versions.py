"""The version that an object is written at."""

from __future__ import annotations

from migrator.rules.versions import common_version, unserved
from tests.support.objects import resource


def test_versions() -> None:
    """The storage version wins where both serve it, then green's preference; without any the successor is named."""
    blue = [resource("g", "v1", "K"), resource("g", "v1beta1", "K")]
    picked = [
        common_version(blue, green, stored) for green, stored in ((["v2", "v1"], ""), (["v1", "v1beta1"], "v1beta1"), (["v2"], ""))
    ]
    assert [item and item.version for item in picked] == ["v1", "v1beta1", None]
    hindrance = unserved(resource("extensions", "v1beta1", "Ingress"), [])
    assert "Ingress.networking.k8s.io/v1" in hindrance.hint
