"""Rules for ServiceAccounts and their token Secrets; green's token controller signs new tokens."""

from __future__ import annotations

from migrator.model.manifest import Manifest, drop, get, put, without
from migrator.rules.context import Rule, RuleContext

TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 - a type name
# service-ca.crt is OpenShift's.
_SIGNED = ("token", "ca.crt", "namespace", "service-ca.crt")


# OpenShift's: the Secret in which it signs a credential of its own registry for an account, by the version that made it.
_REGISTRY = ("openshift.io/token-secret.name", "openshift.io/internal-registry-auth-token.service-account")


def is_generated_token(manifest: Manifest) -> bool:
    """Return whether a controller made this Secret for an account (Kubernetes before 1.24 did that for each, OpenShift does).

    Field ownership tells: no other manager owns a field of it.
    """
    if manifest.get("type") == "kubernetes.io/dockercfg":
        return any(get(manifest, "metadata", "annotations", name) for name in _REGISTRY)
    if manifest.get("type") != TOKEN_TYPE:
        return False
    managers = {entry.get("manager") for entry in manifest["metadata"].get("managedFields") or []}
    # Without any owner nobody can tell who made it, and a person's own token must not be lost.
    return bool(managers) and managers <= {"kube-controller-manager"}


def blank_token(manifest: Manifest, _: RuleContext) -> Manifest:
    """Return a token Secret that a person made without the values that blue signed; other data is kept."""
    if manifest.get("type") != TOKEN_TYPE or not manifest.get("data"):
        return manifest
    data = without(manifest["data"], *_SIGNED)
    return {**manifest, "data": data} if data else without(manifest, "data")


def notes(manifest: Manifest, _: RuleContext) -> list[str]:
    """Return what a person should know about a token that is signed anew."""
    if manifest.get("type") != TOKEN_TYPE:
        return []
    return ["green signs another token: whoever uses blue's from outside, such as a CI server or a dashboard, needs the new one"]


def drop_token_references(manifest: Manifest, context: RuleContext) -> Manifest:
    """Return the ServiceAccount without references to tokens that blue's controller generated."""
    namespace = manifest["metadata"]["namespace"]
    for field in ("secrets", "imagePullSecrets"):
        secrets = manifest.get(field) or []
        kept = [secret for secret in secrets if (namespace, secret.get("name")) not in context.blue.generated_tokens]
        if len(kept) < len(secrets):
            manifest = put(manifest, (field,), kept) if kept else drop(manifest, field)
    return manifest


RULES = (
    Rule("blank-token", blank_token, frozenset({"Secret"})),
    Rule("token-references", drop_token_references, frozenset({"ServiceAccount"})),
)
