"""Where external-dns writes that it owns a name. Values only.

Source: external-dns, the name mapper of its TXT registry, versions 0.5 to 0.23.
"""

from __future__ import annotations

_TEMPLATE = "%{record_type}"


def registry_names(name: str, kind: str, zone: str, *, prefix: str = "", suffix: str = "", wildcard: str = "") -> tuple[str, ...]:
    """Return the names whose TXT records may tell the owner of a record.

    Versions differ: the type of the record stands before the name, or in its place within prefix or suffix, or, before 0.12,
    nowhere. Affixes are put around the first label, and of late around all that is before the zone. Behind a load balancer's
    name, external-dns keeps an A record as the type CNAME.
    """
    prefix, suffix = prefix.lower(), suffix.lower()
    kinds = dict.fromkeys((kind.lower(), "cname"))
    splits = [name.partition(".")[::2]]
    if name != zone:
        splits.append((name.removesuffix(f".{zone}"), zone))
    found: dict[str, None] = {}
    for own, domain in splits:
        host = wildcard.lower() if own == "*" and wildcard else own
        for one in kinds:
            before, after = (affix.replace(_TEMPLATE, one) for affix in (prefix, suffix))
            typed = host if _TEMPLATE in prefix + suffix else f"{one}-{host}"
            found[f"{before}{typed}{after}.{domain}"] = None
        old_before, old_after = (affix.replace(_TEMPLATE, "") for affix in (prefix, suffix))
        found[f"{old_before}{host}{old_after}.{domain}"] = None
    # A CNAME has no other records beside it, so nothing of the same name can tell.
    return tuple(item for item in found if not (kind == "CNAME" and item == name))
