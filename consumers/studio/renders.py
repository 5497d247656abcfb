"""Renders: a filled template, checked and frozen into a RenderSpec that nothing changes afterwards."""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from consumers.runtime.domain import Answer, Context, Decision, Refusal, refuse
from consumers.runtime.projection import fresh
from consumers.runtime.rules import missing
from consumers.runtime.state import View
from consumers.runtime.table import Table
from consumers.studio import checks
from consumers.studio.copies import FILES, PENDING
from consumers.studio.filling import SPEC_LARGEST, Filled, fill
from consumers.studio.lengths import too_long
from consumers.studio.look import rate_in, said, size_of
from consumers.studio.saved_projects import SAVED
from contracts.entity import Row, carry
from contracts.envelope import Envelope
from contracts.spec import AudioTrack, RenderSpec, SceneSpec, Warning, frames_of
from contracts.studio import renders
from contracts.studio.renders import RenderAnswer, RenderRehearsal, RenderRequested, RequestRender, Unfilled
from contracts.studio.saved_projects import SavedProject
from contracts.studio.values import SceneValues, Track

REQUESTS = Table.of(renders.REQUESTS)
MOST_PENDING = 10_000  # renders of one tenant that have not ended; soft, as it is known by events
OF_FONTS, OF_LETTERS = ("font.missing", "font.other_style"), ("font.no_glyph", "font.no_emoji")  # what fonts and what texts settle
LONGEST = 216_000  # frames: two hours at 30 per second


def request(cmd: RequestRender, view: View, ctx: Context) -> Decision[RenderAnswer | RenderRehearsal]:
    """Freeze a render, or say everything that stands against it."""
    found = frozen(cmd, view)
    if isinstance(found, Refusal):
        return found
    filled, spec, encoded = found
    if spec.frames > LONGEST:
        return refuse("render.too_long", f"the video would have {spec.frames} frames, at most {LONGEST} are possible", "scenes")
    would = _rehearsal(filled, spec)
    if ctx.envelope.dry_run:
        return Answer([], replace(would, warnings=(*would.warnings, *_estimates(filled))))
    pending = view.get(PENDING)
    if pending is not None and pending.pending >= MOST_PENDING:
        return refuse("limit.renders", f"{pending.pending} renders of this account have not ended, at most {MOST_PENDING} may")
    job_id = ctx.id("job")
    requested = RenderRequested(
        job_id=job_id,
        project_id=filled.template.project_id,
        saved_project_id=filled.saved_project_id,
        spec=spec,
        spec_sha256=hashlib.sha256(encoded).hexdigest(),
        priority=cmd.priority,
        warnings=would.warnings,
        metadata=cmd.metadata,
        deadline=cmd.deadline,
        needs=cmd.needs,
    )
    return Answer([requested], carry(RenderAnswer, would, job_id=job_id, state="queued"))


def frozen(cmd: RequestRender, view: View) -> tuple[Filled, RenderSpec, bytes] | Refusal:
    """What is asked for and its spec, also encoded; or everything that stands against it."""
    filled = _filled(cmd, view)
    problems = list(checks.look_problems(cmd))
    if isinstance(filled, Refusal):
        return checks.refusal([*filled.problem.errors, *problems]) if filled.problem.errors else filled
    values = [values for values, _ in filled.scenes]
    problems += checks.file_problems(view, checks.wanted_files(values, filled.audio, filled.look.fonts))
    if problems:
        return checks.refusal(problems)
    spec = _freeze(filled, view)
    encoded = msgspec.json.encode(spec)
    if len(encoded) > SPEC_LARGEST:
        return refuse(
            "render.too_large",
            f"all values together take {len(encoded)} bytes, at most {SPEC_LARGEST} are possible; shorten the texts",
            "scenes",
        )
    return filled, spec, encoded


def _filled(cmd: RequestRender, view: View) -> Filled | Refusal:
    if (cmd.saved_project_id is None) == (cmd.project_id is None):
        return refuse("render.source", "name either saved_project_id or project_id", "project_id")
    scenes: tuple[SceneValues, ...] = cmd.scenes
    audio: tuple[Track, ...] = cmd.audio
    colours, preset, project_id = cmd.colours, cmd.preset, cmd.project_id
    saved: SavedProject | None = None
    if cmd.saved_project_id is not None:
        if cmd.scenes or cmd.colours or cmd.audio or cmd.preset:
            return refuse(
                "render.source", "a saved project is rendered as it is saved; give values only with project_id", "saved_project_id"
            )
        saved = view.get(SAVED, cmd.saved_project_id)
        if saved is None:
            return missing(SAVED, cmd.saved_project_id)
        scenes, colours, preset, audio, project_id = saved.scenes, saved.colours, saved.preset, saved.audio, saved.project_id
    assert project_id is not None
    return fill(view, project_id, scenes, colours, preset, audio, cmd.saved_project_id, (view.at(PENDING),), said(cmd, saved))


def _freeze(filled: Filled, view: View) -> RenderSpec:
    def sha(file_id: UUID) -> str:
        row = view.get(FILES, file_id)
        assert row is not None, "files are checked before the spec is frozen"
        return row.sha256

    said, (_, first) = filled.look, filled.scenes[0]
    (width, height), (num, den) = size_of(said, first), rate_in(said, first)
    look = RenderSpec(
        scenes=(),
        width=width,
        height=height,
        rate_num=num,
        rate_den=den,
        quality=said.quality or "standard",
        background=(said.background or "#FFFFFF").upper(),
    )
    shown = [scene.duration if values.duration is None else min(values.duration, scene.duration) for values, scene in filled.scenes]
    frames = frames_of([(duration, values.speed) for duration, (values, _) in zip(shown, filled.scenes, strict=True)], look.rate)
    scenes = []
    for (values, scene), duration, count in zip(filled.scenes, shown, frames, strict=True):
        own = {e.key for e in scene.elements if e.kind == "colour"}
        shared = {key: value for key, value in filled.colours.items() if key in own}
        scenes.append(
            SceneSpec(
                scene=scene.scene,
                bundle=filled.template.bundle_sha256,
                digest=scene.digest,
                frames=count,
                duration=duration,
                speed=values.speed,
                texts=values.texts,
                pictures={key: sha(file_id) for key, file_id in values.pictures.items()},
                colours={key: value.upper() for key, value in {**shared, **values.colours}.items()},
                fits=values.fits,
                directions=values.directions,
            )
        )
    audio = tuple(AudioTrack(kind=t.kind, file=sha(t.file_id), volume=t.volume, start=t.start) for t in filled.audio)
    return msgspec.structs.replace(look, scenes=tuple(scenes), audio=audio, fonts=tuple(sha(file_id) for file_id in said.fonts))


def _rehearsal(filled: Filled, spec: RenderSpec) -> RenderRehearsal:
    return RenderRehearsal(
        frames=spec.frames,
        duration=float(spec.frames / spec.rate),
        width=spec.width,
        height=spec.height,
        rate_num=spec.rate_num,
        rate_den=spec.rate_den,
        warnings=_warnings(filled),
        missing=_missing(filled),
    )


def _warnings(filled: Filled) -> tuple[Warning, ...]:
    """What was noticed of the chosen scenes when the template was read, but for what their new values put right."""
    told = (
        replace(one, scene=scene.scene) for values, scene in filled.scenes for one in scene.warnings if not _is_settled(one, values, filled)
    )
    return tuple({(one.code, one.scene, one.element): one for one in told}.values())[:50]


def _estimates(filled: Filled) -> Iterable[Warning]:
    """What is likely too long. A render does not keep it: who draws knows."""
    found = (one for values, scene in filled.scenes for one in too_long(values, scene))
    return {(one.code, one.scene, one.element): one for one in found}.values()


def _is_settled(warning: Warning, values: SceneValues, filled: Filled) -> bool:
    """Whether a warning is of a value that the template has no longer; whoever draws the new one says what is wrong with that."""
    area, code = warning.code.partition(".")[0], warning.code
    return (
        (code in OF_FONTS and bool(filled.look.fonts))
        or ((area == "text" or code in OF_LETTERS) and warning.element in values.texts)
        or (area == "picture" and warning.element in values.pictures)
    )


def _missing(filled: Filled) -> tuple[Unfilled, ...]:
    """What keeps the template's own value: texts and pictures that the person did not fill."""
    missing = []
    for index, (values, scene) in enumerate(filled.scenes):
        for element in scene.elements:
            given = values.texts if element.kind == "text" else values.pictures
            if element.kind != "colour" and element.key not in given:
                missing.append(Unfilled(field=f"scenes[{index}].{element.key}", kind=element.kind, default=element.default[:100]))
    return tuple(missing[:100])


def requested(event: RenderRequested, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The request with what of its spec people ask for before the farm knows it."""
    names = ("job_id", "project_id", "saved_project_id", "spec_sha256", "priority", "metadata")
    look = {name: getattr(event.spec, name) for name in ("width", "height", "rate_num", "rate_den", "quality")}
    values = {name: getattr(event, name) for name in names} | look | {"frames_total": event.spec.frames}
    yield REQUESTS, fresh(REQUESTS, envelope, values)
