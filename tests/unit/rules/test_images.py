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


def test_images_of_custom_resources() -> None:
    """Where they begin with the registry, or are those of a container; a picture is none."""
    context = RuleContext(configured("map: {registries: {docker.io: m, registry.example.com: m}}"))
    spec = {
        "image": "registry.example.com/db:16",
        "sidecarImage": "docker.io/team/side:1",
        "logo": {"name": "logo", "image": "logo.png"},
        "podTemplate": {"spec": {"containers": [{"name": "db", "image": "nginx:1"}]}},
        "title": "registry.example.com/db:16",
    }
    done = images.map_custom_images(made("db.example.com/v1", "Database", "d", namespace="n", spec=spec), context)["spec"]
    assert done == {
        "image": "m/db:16",
        "sidecarImage": "m/team/side:1",
        "logo": {"name": "logo", "image": "logo.png"},
        "podTemplate": {"spec": {"containers": [{"name": "db", "image": "m/library/nginx:1"}]}},
        "title": "registry.example.com/db:16",
    }
    other = made("networking.k8s.io/v1", "Ingress", "i", namespace="n", spec={"image": "registry.example.com/x"})
    assert images.map_custom_images(other, context) is other


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        (b'{"value":"registry.example.com/db:16"}', True),
        (b'{"args":["--image=registry.example.com/db"]}', True),
        (b'{"value":"my-registry.example.com/db"}', False),
        (b'{"value":"registry.example.com.other/db"}', False),
        (b'{"image":"m/db:16"}', False),
    ],
)
def test_registries_that_no_rule_knows_are_listed(text: bytes, *, noted: bool) -> None:
    """A variable of an operator names the images of what it makes."""
    context = RuleContext(configured("map: {registries: {registry.example.com: m}}"))
    assert bool(images.notes(text, context)) is noted
