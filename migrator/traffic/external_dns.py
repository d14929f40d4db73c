"""Where external-dns writes that it owns a name. Values only.

Source: external-dns, the name mapper of its TXT registry, versions 0.5 to 0.23.
"""

from __future__ import annotations

import re

_OWNED = re.compile(r"heritage=external-dns\b.*?external-dns/owner=([^,\"]*)")
# Base64 of a nonce, a tag, and the compressed text between them (endpoint/crypto.go): 57 bytes at the least.
_ENCRYPTED = re.compile(r"[A-Za-z0-9+/_-]{76,}={0,2}")
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
    # A CNAME has no other records beside it, so nothing of the same name can tell; what would be outside of the zone is nowhere.
    there = (item for item in found if item == zone or item.endswith(f".{zone}"))
    return tuple(item for item in there if not (kind == "CNAME" and item == name))


def owner_of(text: str) -> str:
    """Return the owner that a TXT record tells, and an empty text where it tells none."""
    found = _OWNED.search(text)
    return found[1] if found else ""


def is_encrypted(text: str) -> bool:
    """Return whether a TXT record may be one that external-dns has encrypted (--txt-encrypt-enabled)."""
    joined = re.sub(r'"\s*"|"', "", text)
    return len(joined) % 4 == 0 and _ENCRYPTED.fullmatch(joined) is not None
