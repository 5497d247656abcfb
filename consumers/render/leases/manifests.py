"""What manifests have in common: addresses that work for an hour, to read what a part needs and to send what comes of it."""

from typing import Any

from adapters.object_store import ObjectStore
from consumers.render.leases.manifest_inputs import ManifestInputs
from contracts.node import Manifest
from contracts.render.parts import Part
from contracts.spec import RenderSpec

LIVES = 3600  # seconds that an address works
CREATES = 3  # the first protocol whose nodes send the headers that an address was signed with


def result_address(key: str, inputs: ManifestInputs, part: Part, objects: ObjectStore) -> str:
    """Where a result goes: once, unless the node speaks a protocol in which it could not say so."""
    return objects.presign_put(key, LIVES, replaces=inputs.protocol(part) < CREATES)


def file_addresses(inputs: ManifestInputs, part: Part, objects: ObjectStore) -> dict[str, str]:
    """Where to read the files that a part needs, by SHA-256; one that is not there is left out."""
    there = ((sha, inputs.files.get((part.tenant_id, sha))) for sha in sorted(inputs.needs[part.part_id]))
    return {sha: address(key, inputs, objects) for sha, key in there if key is not None}


def address(key: str, inputs: ManifestInputs, objects: ObjectStore) -> str:
    """Where to read an object: the parts of a group have most of theirs in common."""
    if (signed := inputs.signed.get(key)) is None:
        signed = inputs.signed[key] = objects.presign_get(key, LIVES)
    return signed


def with_look(spec: RenderSpec, **more: Any) -> Manifest:
    """A manifest of what is drawn in this size, rate and quality."""
    look = {name: getattr(spec, name) for name in ("width", "height", "rate_num", "rate_den", "quality", "background")}
    return Manifest(**look, **more)
