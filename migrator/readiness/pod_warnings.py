"""What Events warn of about a pod: where its volume cannot be attached or mounted, its status tells nothing of it."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.model.manifest import Manifest, get


def newest_warning(events: Iterable[Manifest]) -> str:
    """Return the newest warning; the kubelet's summary, which names no cause, only where there is no other."""
    found = [item for item in events if item.get("type") == "Warning" and item.get("message")]
    newest = max(found, key=lambda item: (not _is_summary(item), _last_seen(item)), default=None)
    return f"{newest.get('reason')}: {newest['message']}" if newest else ""


# Parts of what kubelets say of all volumes of a pod (kubernetes#28709 has older words).
_SUMMARIES = ("Unable to attach or mount volumes", "unmounted volumes=[")


def _is_summary(event: Manifest) -> bool:
    return any(part in str(event["message"]) for part in _SUMMARIES)


def _last_seen(event: Manifest) -> str:
    """Return when an event was seen last (core/v1 Event: one of a series has no lastTimestamp)."""
    times = get(event, "series", "lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime")
    return str(next(filter(None, times), None) or get(event, "metadata", "creationTimestamp") or "")
