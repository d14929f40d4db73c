"""Names of images."""

from __future__ import annotations

import pytest

from migrator.model.image import full_name


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("team/app:1", "docker.io/team/app:1"),
        ("quay.io/app", "quay.io/app"),
        ("localhost/app", "localhost/app"),
        ("registry:5000/app", "registry:5000/app"),
    ],
)
def test_short_names_are_names_of_docker_io(image: str, name: str) -> None:
    """A first part with a dot, a port, or localhost is a registry."""
    assert full_name(image) == name
