"""An image counts by the end of its path."""

from __future__ import annotations

import pytest

from migrator.rules.one_side.images import is_of, path_of


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("velero/velero:v1", "velero/velero"),
        ("mirror:5000/a/b@sha256:00", "mirror:5000/a/b"),
        ("b", "b"),
        ("mirror:5000/a/b:1@sha256:00", "mirror:5000/a/b"),
    ],
)
def test_tag_and_digest_do_not_count(image: str, path: str) -> None:
    """A port of a registry is no tag."""
    assert path_of(image) == path


def test_whole_parts_count() -> None:
    """The end of a name is another name."""
    assert is_of({"image": "mirror.example.com/metallb/controller:1"}, ("metallb/controller",))
    assert is_of({"image": "x/acme-ddns"}, ("*ddns",))
    assert not is_of({"image": "x/mymetallb/controller:1"}, ("metallb/controller",))
    assert not is_of({}, ("metallb/controller",))
