"""Default classes: on green they would be filled into what asks for none on blue, because it is older than they are."""

from __future__ import annotations

from migrator.model.manifest import Manifest, get
from migrator.model.ref import ObjectRef
from migrator.rules.context import RuleContext
from migrator.rules.storage import CLASS_ANNOTATION

# Annotations that make a class the default one (kubernetes.io/docs/reference/labels-annotations-taints).
_ANNOTATIONS = {
    "StorageClass.storage.k8s.io": (
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ),
    "IngressClass.networking.k8s.io": ("ingressclass.kubernetes.io/is-default-class",),
}
_OLD_CLASS = {
    "PersistentVolumeClaim": CLASS_ANNOTATION,
    "Ingress.networking.k8s.io": "kubernetes.io/ingress.class",
}
_ASKS_FOR = {
    "PersistentVolumeClaim": ("storageClassName", "StorageClass.storage.k8s.io"),
    "Ingress.networking.k8s.io": ("ingressClassName", "IngressClass.networking.k8s.io"),
}


def is_default(manifest: Manifest, ref: ObjectRef) -> bool:
    """Return whether an object is a class that is filled in where none is asked for."""
    annotations = get(manifest, "metadata", "annotations") or {}
    return any(annotations.get(name) == "true" for name in _ANNOTATIONS.get(ref.type_name, ()))


def filled_in_by(manifest: Manifest, ref: ObjectRef, context: RuleContext) -> list[ObjectRef]:
    """Return the default classes that move and would be filled into this object, which has none on blue.

    Admission does so at a create: an internal page would be published, a claim would no longer fit its volume.
    """
    field, kind = _ASKS_FOR.get(ref.type_name, ("", ""))
    if not field or get(manifest, "spec", field) is not None or get(manifest, "metadata", "annotations", _OLD_CLASS[ref.type_name]):
        return []
    return sorted(item for item in context.blue.defaults if item.type_name == kind)
