"""The segment grid: how a spec is cut, and the content key under which each piece is drawn once."""

import hashlib
from collections.abc import Iterator
from uuid import UUID

import msgspec

from contracts.render.segments import PlannedSegment
from contracts.spec import RenderSpec, SceneSpec

KEY_REVISION = 1  # a change of what the key holds gives every segment a new key
_encode = msgspec.json.Encoder(order="deterministic").encode


def segment_frames(spec: RenderSpec) -> int:
    """Frames of a full segment: floor(rate), at least 1."""
    return max(1, spec.rate_num // spec.rate_den)


def grid(frames: int, step: int) -> Iterator[tuple[int, int]]:
    """A scene's segments as (first frame, count), counted from the scene's start; the last may be shorter."""
    return ((first, min(step, frames - first)) for first in range(0, frames, step))


def located(spec: RenderSpec, place: int) -> tuple[int, int, int]:
    """Where a segment of a render lies, by its position in `plan`: (scene, first frame, count). Raises IndexError beyond the end."""
    step = segment_frames(spec)
    for position, scene in enumerate(spec.scenes):
        segments = -(-scene.frames // step)
        if place < segments:
            return position, place * step, min(step, scene.frames - place * step)
        place -= segments
    raise IndexError("the render has no such segment")


def _scene_base(tenant: UUID, spec: RenderSpec, scene: SceneSpec, builds: tuple[str, str]) -> bytes:
    # Not the bundle's hash or the scene's name: the digest stands for the document and every file that it uses.
    parts: tuple[object, ...] = (KEY_REVISION, str(tenant), scene.digest, scene.texts, scene.pictures, scene.colours, scene.speed)
    if scene.fits or scene.directions:  # keys of scenes without such choices are older than these
        parts = (*parts, scene.fits, scene.directions)
    look = (spec.width, spec.height, spec.rate_num, spec.rate_den, spec.quality, spec.background, spec.fonts)
    return bytes(_encode((parts, look, builds)))


def plan(tenant: UUID, spec: RenderSpec, builds: tuple[str, str]) -> list[PlannedSegment]:
    """Every segment of a render in order; `builds` are the engine's and the encoder's."""
    step = segment_frames(spec)
    planned = []
    for position, scene in enumerate(spec.scenes):
        base = _scene_base(tenant, spec, scene, builds)
        for first, count in grid(scene.frames, step):
            key = hashlib.sha256(base + f"|{first}|{count}".encode()).hexdigest()
            planned.append(PlannedSegment(key, position, first, count))
    return planned
