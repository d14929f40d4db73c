"""Ask green what it makes of an object, by a dry run of its creation under another name: nothing is written."""

from __future__ import annotations

from threading import Event

import orjson

from migrator.errors import ApiError
from migrator.model.manifest import Manifest, put, without
from migrator.model.ref import ResourceType
from migrator.ports import Clock, Green
from migrator.rules import field_owners

# Characters of an object's name: some kinds allow 52.
_KEPT_OF_NAME = 40
# Admission that takes this long waits for a webhook that does not answer; it would do so for each object.
_SLOW_SECONDS = 5.0


class Trials:
    """Makes dry runs on green; safe to use from many threads. After one that was slow there are no more."""

    def __init__(self, green: Green, clock: Clock) -> None:
        self._green = green
        self._clock = clock
        self._slow = Event()

    def make(self, resource: ResourceType, namespace: str, body: Manifest) -> Manifest:
        """Return what green would make of an object; raises ApiError when it refuses, or was slow before."""
        if self._slow.is_set():
            raise ApiError("a webhook of green did not answer in time for another object")
        name = body["metadata"]["name"][:_KEPT_OF_NAME].rstrip("-.") + "-trial"
        body = put({**body, "metadata": without(body["metadata"], "ownerReferences")}, ("metadata", "name"), name)
        began = self._clock.monotonic()
        try:
            return self._green.create(resource, namespace, orjson.dumps(body), manager=field_owners.OURS, dry_run=True)
        finally:
            if self._clock.monotonic() - began > _SLOW_SECONDS:
                self._slow.set()
