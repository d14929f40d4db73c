"""Map image registries in every container and image volume of every pod template."""

from __future__ import annotations

from migrator.model.image import full_name
from migrator.model.manifest import POD_TEMPLATES, Manifest, map_list, update
from migrator.rules.context import Rule, RuleContext


def map_image(image: str, registries: dict[str, str]) -> str:
    """Return the image with its longest mapped prefix replaced; a prefix ends at a path boundary."""
    full = full_name(image)
    for prefix in sorted(registries, key=len, reverse=True):
        base = prefix.rstrip("/")
        if full == base or full.startswith((base + "/", base + ":", base + "@")):
            return registries[prefix].rstrip("/") + full[len(base) :]
    return image


def map_registries(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the workload with all images mapped to green's registries."""
    registries = context.config.map.registries
    if not registries:
        return manifest

    def container(item: Manifest) -> Manifest:
        return update(item, ("image",), lambda image: map_image(image, registries))

    def volume(item: Manifest) -> Manifest:
        return update(item, ("image", "reference"), lambda image: map_image(image, registries))

    group, slash, _ = manifest["apiVersion"].rpartition("/")
    path = POD_TEMPLATES[f"{manifest['kind']}.{group}" if slash else manifest["kind"]]
    for field in ("initContainers", "containers"):
        manifest = update(manifest, (*path, "spec", field), lambda items: map_list(items, container))
    return update(manifest, (*path, "spec", "volumes"), lambda items: map_list(items, volume))


RULES = (Rule("image-registry", map_registries, frozenset(POD_TEMPLATES)),)
