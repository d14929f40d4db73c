"""Registries of images."""

from __future__ import annotations

import pytest

from migrator.model.manifest import get
from migrator.rules import images
from migrator.rules.context import RuleContext
from tests.support.contexts import configured
from tests.support.objects import cron_job, made


@pytest.mark.parametrize(
    ("image", "mapped"),
    [
        ("nginx", "mirror/hub/library/nginx"),
        ("docker.io/library/nginx:1", "mirror/hub/library/nginx:1"),
        ("team/app@sha256:abc", "mirror/hub/team/app@sha256:abc"),
        ("quay.io/team/app:1", "mirror/team/app:1"),
        ("quay.io/teammate/app:1", "quay.io/teammate/app:1"),
        ("localhost:5000/a", "localhost:5000/a"),
    ],
)
def test_images(image: str, mapped: str) -> None:
    """The longest prefix that ends at a path boundary wins; short names are read as docker.io."""
    assert images.map_image(image, {"docker.io": "mirror/hub", "quay.io/team": "mirror/team"}) == mapped


def test_images_in_every_template() -> None:
    """CronJobs keep their containers deep inside."""
    context = RuleContext(configured("map: {registries: {registry.example.com: m}}"))
    done = images.map_registries(cron_job("c"), context)
    assert get(done, "spec", "jobTemplate", "spec", "template", "spec")["containers"][0]["image"] == "m/team/app:1"


def test_images_that_are_volumes() -> None:
    """A volume of type image comes from a registry, too (KEP-4639)."""
    context = RuleContext(configured("map: {registries: {registry.example.com: m}}"))
    volumes = [{"name": "model", "image": {"reference": "registry.example.com/models/small:1"}}, {"name": "tmp", "emptyDir": {}}]
    done = images.map_registries(made("v1", "Pod", "p", namespace="n", spec={"containers": [], "volumes": volumes}), context)
    assert done["spec"]["volumes"] == [{"name": "model", "image": {"reference": "m/models/small:1"}}, volumes[1]]
