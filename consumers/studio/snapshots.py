"""Snapshots: one frame of a filled template, named by all that its picture depends on."""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from consumers.runtime.domain import Answer, Context, Decision, Refusal, refuse
from consumers.runtime.projection import fresh
from consumers.runtime.state import View
from consumers.runtime.table import Table
from consumers.studio.renders import frozen
from contracts.entity import Row
from contracts.envelope import Envelope
from contracts.ids import derived_id
from contracts.spec import RenderSpec, exactly
from contracts.studio import snapshots
from contracts.studio.renders import RequestRender
from contracts.studio.snapshots import RequestSnapshot, SnapshotAnswer, SnapshotRequested

SNAPSHOTS = Table.of(snapshots.SNAPSHOTS)
KEY_REVISION = 2  # a change of what the key holds gives every picture a new one
_encode = msgspec.json.Encoder(order="deterministic").encode


def request(cmd: RequestSnapshot, view: View, ctx: Context) -> Decision[SnapshotAnswer]:
    """Freeze a picture, or say everything that stands against it."""
    names = ("saved_project_id", "project_id", "scenes", "colours", "preset", "fonts", "width", "height", "rate", "background")
    found = frozen(RequestRender(**{name: getattr(cmd, name) for name in names}), view)
    if isinstance(found, Refusal):
        return found
    filled, film, _ = found
    if cmd.position >= len(film.scenes):
        detail = f"position must be 0 to {len(film.scenes) - 1}, not {cmd.position}"
        return refuse("render.out_of_bounds", detail, "position")
    scene = film.scenes[cmd.position]
    seconds = float(scene.frames / film.rate)
    at = seconds / 2 if cmd.at is None else cmd.at
    if at > seconds:
        return refuse("render.out_of_bounds", f"at must be 0 to {seconds:g} seconds, not {at}", "at")
    spec = replace(film, scenes=(scene,), audio=())
    frame = min(int(exactly(at) * film.rate), scene.frames - 1)
    key = cache_key(view.tenant, spec, frame)
    snapshot_id = derived_id(view.tenant, f"snapshot {key}")
    body = SnapshotAnswer(snapshot_id=snapshot_id, frame=frame)
    if ctx.envelope.dry_run:
        return Answer([], body)
    asked = SnapshotRequested(snapshot_id=snapshot_id, project_id=filled.template.project_id, cache_key=key, spec=spec, frame=frame)
    return Answer([asked], body)


def requested(event: SnapshotRequested, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The question, once; who asks again finds it there."""
    if view.get(SNAPSHOTS, event.snapshot_id) is None:
        names = ("snapshot_id", "project_id", "cache_key", "frame")
        look = {"width": event.spec.width, "height": event.spec.height}
        yield SNAPSHOTS, fresh(SNAPSHOTS, envelope, {name: getattr(event, name) for name in names} | look)


def cache_key(tenant: UUID, spec: RenderSpec, frame: int) -> str:
    """The key of one frame of a spec's only scene.

    Builds of engines are left out, so that a picture keeps its address; the digest stands for the document and the files that it uses.
    """
    [scene] = spec.scenes
    parts = (KEY_REVISION, str(tenant), scene.digest, scene.texts, scene.pictures, scene.colours, scene.fits, scene.directions)
    look = (spec.width, spec.height, spec.background, spec.fonts)
    return hashlib.sha256(_encode((parts, look, scene.speed, spec.rate_num, spec.rate_den, frame))).hexdigest()
