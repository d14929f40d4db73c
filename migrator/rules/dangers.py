"""What a person should think about before one object is copied; the plan warns of it."""

from __future__ import annotations

from migrator.model.manifest import Manifest
from migrator.rules import (
    bindings,
    clock_zone,
    host_folders,
    lan_addresses,
    made_up,
    own_server,
    patroni,
    requests,
    scalers,
    subpaths,
)
from migrator.rules.context import RuleContext


def danger(manifest: Manifest, type_name: str, body: bytes, context: RuleContext) -> str:
    """Return it as the rest of a sentence that begins with the object's name; `body`: its JSON on green."""
    found = (
        bindings.danger(manifest, context),
        scalers.asleep(manifest, type_name),
        own_server.named(manifest, body, context),
        host_folders.written(manifest, type_name),
        subpaths.elsewhere(manifest, type_name, body, context),
        clock_zone.other_hours(manifest, type_name, context),
        made_up.overwritten(manifest, type_name),
        patroni.waits_for_data(manifest, type_name),
        requests.filled_again(manifest),
        lan_addresses.given_twice(manifest, type_name),
    )
    return "; ".join(filter(None, found))
