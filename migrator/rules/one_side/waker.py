"""Who has started what was held, or stopped what ran: as the object's own `managedFields` tell (KEP-555); a pure function."""

from __future__ import annotations

from migrator.model.manifest import Manifest, get
from migrator.model.one_side import Part
from migrator.rules.field_owners import FENCE, OURS


def last_writer(manifest: Manifest, part: Part) -> str:
    """Return who wrote last to a field that holds an object, and when; an empty string where nobody tells.

    A field that was removed has no owner: then it is who wrote to the object last. An API server forgets who scaled a workload to
    0 and back (autoscaling/v1: a Scale leaves out 0): nobody owns its number then.
    """
    entries = [entry for entry in get(manifest, "metadata", "managedFields") or [] if get(entry, "subresource") != "status"]
    paths = [tuple(f"f:{key}" for key in field.path) for field in part.fields]
    owning = [entry for entry in entries if any(get(entry, "fieldsV1", *path) is not None for path in paths)]
    if not owning and any(get(manifest, *field.path) is not None for field in part.fields):
        return ""
    others = [entry for entry in entries if get(entry, "manager") not in (FENCE, OURS)]
    found = max(owning or others, key=_lateness, default=None)
    if found is None:
        return ""
    who, when = get(found, "manager") or "somebody", get(found, "time")
    return f"{who} at {when}" if when else str(who)  # an API server notes no time for a change of the scale


def _lateness(entry: object) -> tuple[bool, bool, str]:
    """Return what is greater of a later entry; one of the scale has no time, and leaves the creator's its ownership."""
    scaled = get(entry, "subresource") == "scale"
    return scaled, get(entry, "manager") not in (FENCE, OURS), str(get(entry, "time") or "")
