"""Turn an API server's answer into one of our errors; its reason is kept, bodies and secrets are not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from migrator.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from migrator.kube.words import without_values
from migrator.model.strange import STRANGE

# How an API server names one that does not answer (k8s.io/apiserver, admission/plugin/webhook/errors).
_WEBHOOK = re.compile(r'failed calling webhook "([^"]+)"')
TWO_BUDGETS = "more than one PodDisruptionBudget"
"""Part of the answer 500 to an eviction that will never be granted (pkg/registry/core/pod/storage/eviction.go)."""
# The last one is of a namespace that is being deleted, in which not even an eviction can be made (kubernetes#93947, kops#5988).
_DENIALS = re.compile(
    r"admission webhook \S+ denied the request|ValidatingAdmissionPolicy .* denied request"
    r"|unable to create new content in namespace \S+ because it is being terminated"
)
# Shown and read: a webhook puts whole documents into its message, and the causes are at its end.
_LONGEST, _LONGEST_READ = 512, 64 << 10
_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidError,
}


def error_from(cluster: str, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Return the error for an answer with status 400 or above."""
    reason, words = _status_words(body)
    # Validation quotes the values that it refuses, and a Secret's could be among them.
    if status in (400, 422) or "denied the request" in words:
        words = without_values(words)
    words = words[:_LONGEST] + ("…" if len(words) > _LONGEST else "")
    text = f"{cluster} answered {status} to {method} {path.split('?', maxsplit=1)[0]}" + (f": {words}" if words else "")
    retry_after = headers.get("retry-after", "")
    # ServerTimeout (500) and priority and fairness (429) carry Retry-After: the server asks to be asked again.
    if status == 429 or (status in (500, 503, 504) and retry_after):
        # A date, which RFC 9110 allows too, is not sent by API servers; "²" is a digit to Python, and no number.
        seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 1.0
        return ThrottledError(text, status=status, reason=reason, retry_after=seconds)
    # Not UnavailableError, which would be tried again until the patience ends.
    if status == 500 and TWO_BUDGETS in words:
        return ApiError(text, status=status, reason=reason)
    if status >= 500:
        error = UnavailableError(text, status=status, reason=reason)
        if webhook := _WEBHOOK.search(words):
            error.webhook = webhook[1]
        return error
    kind = _BY_STATUS.get(status, ApiError)
    hint = "check the credentials in the kubeconfig; they may have expired" if status == 401 else ""
    return kind(text, status=status, reason=reason, hint=hint)


def is_denied(error: ApiError) -> bool:
    """Return whether admission has refused a request, whatever status it answers with: webhooks choose their own."""
    return _DENIALS.search(error.message) is not None


def _status_words(body: bytes) -> tuple[str, str]:
    """Return reason and message of a `Status` body; anything else is dropped, for it may hold data."""
    try:
        return _words(orjson.loads(body))
    except STRANGE:  # an aggregated API server is free to send anything
        return "", ""


def _words(status: Any) -> tuple[str, str]:
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return "", ""
    message = str(status.get("message") or "")
    causes = (status.get("details") or {}).get("causes") or []
    budgets = [str(cause.get("message")) for cause in causes if cause.get("reason") == "DisruptionBudget"]
    if budgets:
        # An eviction that is refused: only the causes name the budget.
        message = "; ".join(budgets)
    return str(status.get("reason") or ""), message[:_LONGEST_READ]
