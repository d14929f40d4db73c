"""Map image registries in every container and image volume of every pod template."""

from __future__ import annotations

import re
from typing import Any

from migrator.model.image import full_name
from migrator.model.manifest import POD_TEMPLATES, Manifest, is_custom, map_list, update
from migrator.rules.context import Rule, RuleContext


def map_image(image: str, registries: dict[str, str]) -> str:
    """Return the image with its longest mapped prefix replaced; a prefix ends at a path boundary."""
    full = full_name(image)
    # The longest one is the most precise.
    for prefix in sorted(registries, key=len, reverse=True):
        base = prefix.rstrip("/")
        # Else docker.io/library would match docker.io/library-mirror.
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

    # Image volumes (KEP-4639) are pulled like those of containers.
    def volume(item: Manifest) -> Manifest:
        return update(item, ("image", "reference"), lambda image: map_image(image, registries))

    group, slash, _ = manifest["apiVersion"].rpartition("/")
    path = POD_TEMPLATES[f"{manifest['kind']}.{group}" if slash else manifest["kind"]]
    for field in ("initContainers", "containers"):
        manifest = update(manifest, (*path, "spec", field), lambda items: map_list(items, container))
    return update(manifest, (*path, "spec", "volumes"), lambda items: map_list(items, volume))


def map_custom_images(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return a custom resource with the images mapped that begin with a mapped registry, or are those of a container."""
    registries = context.config.map.registries
    if not registries or not is_custom(manifest):
        return manifest
    return update(manifest, ("spec",), lambda spec: _walk(spec, registries))


def _walk(value: Any, registries: dict[str, str], *, containers: bool = False) -> Any:
    if isinstance(value, list):
        return map_list(value, lambda item: _walk(item, registries, containers=containers))
    if not isinstance(value, dict):
        return value
    for key, inner in value.items():
        if isinstance(inner, str) and key.lower().endswith("image"):
            # A short name means docker.io in a container; elsewhere it may be no image of a registry.
            changed = map_image(inner, registries) if containers or _begins(inner, registries) else inner
        else:
            changed = _walk(inner, registries, containers=key.lower().endswith("containers"))
        if changed is not inner and changed != inner:
            value = {**value, key: changed}
    return value


def _begins(text: str, registries: dict[str, str]) -> bool:
    return text.startswith(tuple(prefix.rstrip("/") + "/" for prefix in registries))


def notes(text: bytes, context: RuleContext) -> list[str]:
    """Return a note for each mapped registry that the object on green still names, such as in a variable or an option."""
    return [
        f"holds a string with registry {prefix}: not rewritten, use a transform"
        for prefix, green in context.config.map.registries.items()
        if not green.startswith(prefix) and re.search(rb"(?<![\w./-])" + re.escape(prefix.rstrip("/").encode()) + rb"/", text)
    ]


RULES = (
    Rule("image-registry", map_registries, frozenset(POD_TEMPLATES)),
    Rule("image-registry", map_custom_images),
)
