"""Map names of namespaces in every field that holds one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from migrator.errors import ConfigError
from migrator.model.manifest import Manifest, map_list, put, update
from migrator.model.ref import ObjectRef
from migrator.rules.context import Rule, RuleContext

_NAME_LABEL = "kubernetes.io/metadata.name"
# Fields below which the key `namespace` is the name of a namespace, and not a label key of that name.
_REFERENCE_FIELDS = frozenset(
    {
        "subjects",
        "service",
        "clientConfig",
        "claimRef",
        "dataSourceRef",
        "parentRefs",
        "backendRefs",
        "backendRef",
        "destination",
        "destinations",
        "certificateRefs",
        "paramRef",
        "from",
        "to",
        "secretRef",
        "configMapRef",
        "targetRef",
    }
)
# Lists of names, besides fields that end with `Namespaces`: of the Prometheus Operator's namespaceSelector, and of Istio.
_LISTS = frozenset({"namespaces", "matchNames", "exportTo"})
# How fields begin that end with `Namespace` and mean another one.
_NO_NAMESPACE = ("metric", "xml")
# The namespace in an identity of a workload, `TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT` (SPIFFE as Istio has it).
_IDENTITY = re.compile(r"(?<=\bns/)[a-z0-9-]+(?=/sa/)")
# How groups and users of a namespace's accounts begin (kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin).
_ACCOUNTS = ("system:serviceaccounts:", "system:serviceaccount:")
# Strings that may name a namespace: values of variables, `NAMESPACE/NAME`, options and what follows them. A label is rather the
# name of an app.
_POSSIBLE = rb'"(value|[^"]*[nN]amespace[^"]*)":"%(name)s"|"%(name)s/[^"]*"|"[^"]*namespace=%(name)s"|"-[^"]*namespace","%(name)s"'
# What Helm keeps a release in, compressed (helm.sh/docs/topics/advanced, storage backends).
_RELEASE = re.compile(rb'"type":"helm\.sh/release\.v1"|"owner":"helm"')
# Annotations whose value is `NAMESPACE/NAME`, from the documentation of each controller.
_ANNOTATIONS = frozenset(
    {
        "cert-manager.io/inject-ca-from",
        "cert-manager.io/inject-ca-from-secret",
        "nginx.ingress.kubernetes.io/auth-secret",
        "nginx.ingress.kubernetes.io/auth-tls-secret",
        "nginx.ingress.kubernetes.io/proxy-ssl-secret",
    }
)


def map_namespaces(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the object with green's namespace names: its own, and those in subjects, references and selectors."""
    names = context.config.map.namespaces
    if not names:
        return manifest

    def renamed(name: Any) -> Any:
        return names.get(name, name) if isinstance(name, str) else name

    manifest = update(manifest, ("metadata", "namespace"), renamed)
    for annotation in _ANNOTATIONS:
        manifest = update(manifest, ("metadata", "annotations", annotation), lambda value: _qualified(value, renamed))
    if manifest["kind"] == "Namespace":
        manifest = update(manifest, ("metadata", "name"), renamed)
        manifest = update(manifest, ("metadata", "labels", _NAME_LABEL), renamed)
    for field, value in manifest.items():
        # Data is a person's text: what looks like a namespace there may be anything.
        if field not in ("apiVersion", "kind", "metadata", "data", "stringData", "binaryData"):
            manifest = put(manifest, (field,), _walk(field, value, renamed, inside=field in _REFERENCE_FIELDS))
    return manifest


def _walk(field: str, value: Any, renamed: Callable[[Any], Any], *, inside: bool) -> Any:
    """Return the value with namespaces renamed; `inside` is true below a reference field."""
    if isinstance(value, list):
        return map_list(value, lambda item: _walk(field, item, renamed, inside=inside))
    if isinstance(value, str):
        return _account(value, renamed) if value.startswith(_ACCOUNTS) else _identity(value, renamed)
    if not isinstance(value, dict):
        return value
    for key, inner in value.items():
        if (key == "namespace" and inside) or key == _NAME_LABEL or _is_namespace_field(key):
            changed = renamed(inner)
        elif key == "matchExpressions" and isinstance(inner, list):
            changed = map_list(inner, lambda item: _expression(item, renamed))
        elif (key in _LISTS or key.endswith("Namespaces")) and isinstance(inner, list):
            changed = map_list(inner, renamed)
        else:
            changed = _walk(key, inner, renamed, inside=inside or key in _REFERENCE_FIELDS or key.endswith("Ref"))
        if changed is not inner:
            value = {**value, key: changed}
    return value


def _is_namespace_field(key: str) -> bool:
    """Return whether a field holds the name of a namespace, such as `targetNamespace`; a label's key is not a field."""
    return key.endswith("Namespace") and key.isalpha() and not key.startswith(_NO_NAMESPACE)


def _identity(text: str, renamed: Callable[[Any], Any]) -> str:
    return _IDENTITY.sub(lambda found: str(renamed(found.group())), text) if "/sa/" in text else text


def _expression(expression: Manifest, renamed: Callable[[Any], Any]) -> Manifest:
    if expression.get("key") != _NAME_LABEL:
        return expression
    return update(expression, ("values",), lambda values: map_list(values, renamed))


def _account(name: str, renamed: Callable[[Any], Any]) -> str:
    """Return the user or group of accounts of a namespace with green's name of that namespace."""
    # `system:serviceaccounts:NAMESPACE` has no name of an account behind the namespace.
    system, kind, namespace, *rest = name.split(":")
    return ":".join((system, kind, renamed(namespace), *rest))


def _qualified(value: Any, renamed: Callable[[Any], Any]) -> Any:
    """Return `NAMESPACE/NAME` with green's name of the namespace."""
    if not isinstance(value, str) or "/" not in value:
        return value
    namespace, _, name = value.partition("/")
    return f"{renamed(namespace)}/{name}"


def namespace_of(ref: ObjectRef) -> str:
    """Return the namespace that an object is, or is in."""
    return ref.name if ref.type_name == "Namespace" else ref.namespace


def require_own_names(pairs: Iterable[tuple[str, str]]) -> None:
    """Raise ConfigError when two namespaces of blue would be one on green, where objects of the same name overwrite each other.

    Each pair is a namespace on green, and one on blue that becomes it.
    """
    blues: dict[str, set[str]] = {}
    for green, blue in pairs:
        blues.setdefault(green, set()).add(blue)
    merged = [
        f"map.namespaces: {' and '.join(sorted(names))} of blue would both be {green} on green"
        for green, names in sorted(blues.items())
        if green and len(names) > 1
    ]
    if merged:
        raise ConfigError(merged, hint="give each a name of its own, or leave one of them with move.namespaces.exclude")


def notes(text: bytes, context: RuleContext) -> list[str]:
    """Return a note for each mapped namespace that the object on green still names in a way that no rule knows."""
    found = []
    for name, green in context.config.map.namespaces.items():
        if f'"namespace":"{green}"'.encode() in text and _RELEASE.search(text):
            found.append(
                f"is a release of Helm that says inside that it is in {name}: `helm upgrade` renders its chart for that one"
            )
        plain = re.escape(name.encode())
        if re.search(rb"\." + plain + rb"\.svc\b", text):
            found.append(f"mentions a DNS name in namespace {name} (.{name}.svc): not rewritten, use a transform")
        if re.search(_POSSIBLE % {b"name": plain}, text):
            found.append(f"holds a string that may be namespace {name}: not rewritten, use a transform")
    return found


RULES = (Rule("namespace-mapping", map_namespaces),)
