"""Checks of what a person filled in against what the template has; every problem names its field, all are told at once."""

import difflib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from uuid import UUID

from consumers.runtime.domain import Refusal, refuse
from consumers.runtime.state import View
from consumers.studio.copies import FILES
from contracts.look import FASTEST, SLOWEST, rate_of
from contracts.project_file import Rate
from contracts.render.parts import deadline_fault
from contracts.spec import ColourPreset
from contracts.studio.copies import TemplateScene
from contracts.studio.renders import RequestRender
from contracts.studio.values import SceneValues, Track

Problem = dict[str, str]
LONGEST_SHOWN = 60  # characters of a wrong value that a problem repeats
KINDS = {"texts": "text", "pictures": "image", "colours": "colour", "fits": "image", "directions": "text"}
LEARNING = 1.5  # seconds in which an unknown id may still be on its way from another domain


def problem(code: str, field: str, detail: str) -> Problem:
    return {"code": code, "field": field, "detail": detail}


def shown(given: str) -> str:
    """What a person gave, in quotes, cut to what fits a sentence."""
    return repr(given if len(given) <= LONGEST_SHOWN else given[:LONGEST_SHOWN] + "…")


def refusal(problems: list[Problem]) -> Refusal:
    """One refusal out of many problems; it is patient when another domain may be about to tell of an id."""
    first = problems[0]
    retry_for = LEARNING if any(p["code"].endswith(".not_found") for p in problems) else 0.0
    return refuse(first["code"], first["detail"], first["field"], retry_for=retry_for, errors=tuple(problems))


def scenes_problems(chosen: Iterable[SceneValues], known: dict[str, TemplateScene]) -> Iterator[Problem]:
    """What is wrong with the chosen scenes, given the template's by their keys."""
    for index, values in enumerate(chosen):
        if values.scene in known:
            yield from scene_problems(index, values, known[values.scene])
        else:
            detail = f"the template has no scene {shown(values.scene)}"
            yield unknown("render.unknown_scene", f"scenes[{index}].scene", detail, values.scene, list(known))


def scene_problems(index: int, values: SceneValues, scene: TemplateScene) -> Iterator[Problem]:
    """What is wrong with one scene's values."""
    where = f"scenes[{index}]"
    known = {kind: [e.key for e in scene.elements if e.kind == kind] for kind in KINDS.values()}
    for group, kind in KINDS.items():
        for key in getattr(values, group):
            if key not in known[kind]:
                detail = f"scene {scene.scene!r} has no {kind} {shown(key)}"
                yield unknown("render.unknown_element", f"{where}.{group}.{key}", detail, key, known[kind])
    if values.duration is not None and values.duration > scene.duration + 1e-6:
        yield problem("render.out_of_bounds", f"{where}.duration", f"duration must be at most the scene's {scene.duration:g} seconds")


def shared_colour_problems(
    colours: dict[str, str], preset: str | None, presets: tuple[ColourPreset, ...], scenes: Iterable[TemplateScene]
) -> Iterator[Problem]:
    """What is wrong with a project's shared colours and its preset."""
    slots = sorted({e.key for scene in scenes for e in scene.elements if e.kind == "colour"})
    for key in colours:
        if key not in slots:
            yield unknown("render.unknown_slot", f"colours.{key}", f"the template has no colour {shown(key)}", key, slots)
    names = [p.key for p in presets]
    if preset is not None and preset not in names:
        yield unknown("render.unknown_preset", "preset", f"the template has no colour preset {shown(preset)}", preset, names)


def unknown(code: str, field: str, detail: str, given: str, known: list[str]) -> Problem:
    """A name that is not there, with the nearest that is."""
    near = difflib.get_close_matches(given[:LONGEST_SHOWN], known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known[:20])}" if known else "; it has none"
    return problem(code, field, detail + hint)


def file_problems(view: View, wanted: dict[str, tuple[UUID, tuple[str, ...]]]) -> Iterator[Problem]:
    """Every file that is named must be there, inspected, and of a fitting kind; `wanted` is field -> (id, kinds)."""
    rows = view.many(FILES, [(file_id,) for file_id, _ in wanted.values()])
    for (field, (file_id, kinds)), row in zip(wanted.items(), rows, strict=True):
        if row is None:
            yield problem("file.not_found", field, f"there is no inspected file {file_id}; upload it and wait until its state is ready")
        elif row.kind not in kinds:
            yield problem("file.kind", field, f"file {file_id} is a {row.kind}; {' or '.join(kinds)} is wanted here")


def wanted_files(
    scenes: Iterable[SceneValues], audio: Iterable[Track], fonts: Iterable[UUID] = ()
) -> dict[str, tuple[UUID, tuple[str, ...]]]:
    """Every file that a filled template names, by field."""
    wanted: dict[str, tuple[UUID, tuple[str, ...]]] = {}
    for index, scene in enumerate(scenes):
        wanted |= {f"scenes[{index}].pictures.{key}": (file_id, ("picture",)) for key, file_id in scene.pictures.items()}
    wanted |= {f"audio[{index}].file_id": (track.file_id, ("audio", "video")) for index, track in enumerate(audio)}
    wanted |= {f"fonts[{index}]": (file_id, ("font",)) for index, file_id in enumerate(fonts)}
    return wanted


def look_problems(cmd: RequestRender) -> Iterator[Problem]:
    """What the bounds of single fields do not say of a render's rate and deadline."""
    yield from rate_problems(cmd.rate)
    if fault := deadline_fault(cmd.deadline):
        yield problem("render.out_of_bounds", "deadline", fault)


def rate_problems(rate: Rate | None) -> Iterator[Problem]:
    """What the bounds of its parts do not say of a rate."""
    if rate is not None and not SLOWEST <= Fraction(*(parts := rate_of(rate))) <= FASTEST:
        detail = f"rate must be {SLOWEST} to {FASTEST} frames per second, not {parts[0]}/{parts[1]}"
        yield problem("render.rate", "rate", detail)
