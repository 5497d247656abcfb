"""Checks of what a person filled in against what the template has; every problem names its field, all are told at once."""

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any
from uuid import UUID

from consumers.runtime.domain import Refusal, refuse
from consumers.runtime.state import View
from consumers.studio.learning import FILES
from contracts.render import deadline_fault, priority_fault
from contracts.spec import ColourPreset
from contracts.studio import SceneValues, TemplateScene, Track

Problem = dict[str, str]
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
LONGEST_TEXT = 5000
MOST_MEMORY = 1 << 40  # bytes that a render may ask of a slot
MOST_WORDS = 20  # fonts or labels that a render may ask of a node
LONGEST_SHOWN = 60  # characters of a wrong value that a problem repeats
KINDS = {"texts": "text", "pictures": "image", "colours": "colour"}
SPEED = (0.1, 10.0)
LEARNING = 1.5  # seconds in which an unknown id may still be on its way from another domain


def problem(code: str, field: str, detail: str) -> Problem:
    return {"code": code, "field": field, "detail": detail}


def shown(given: str) -> str:
    """What a person gave, in quotes, cut to what fits a sentence."""
    return repr(given if len(given) <= LONGEST_SHOWN else given[:LONGEST_SHOWN] + "…")


def refusal(problems: list[Problem]) -> Refusal:
    """One refusal out of many problems; it is patient when another domain may be about to tell of an id."""
    first = problems[0]
    patience = LEARNING if any(p["code"].endswith(".not_found") for p in problems) else 0.0
    return refuse(first["code"], first["detail"], first["field"], patience=patience, errors=tuple(problems))


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
    for key, text in values.texts.items():
        if len(text) > LONGEST_TEXT:
            yield problem("render.text_too_long", f"{where}.texts.{key}", f"a text has at most {LONGEST_TEXT} characters, not {len(text)}")
    yield from colour_problems(f"{where}.colours", values.colours)
    if not SPEED[0] <= values.speed <= SPEED[1]:
        yield problem("render.out_of_bounds", f"{where}.speed", f"speed must be {SPEED[0]} to {SPEED[1]}")
    if values.duration is not None and not 0 < values.duration <= scene.duration + 1e-6:
        yield problem(
            "render.out_of_bounds", f"{where}.duration", f"duration must be over 0 and at most the scene's {scene.duration:g} seconds"
        )


def colour_problems(where: str, colours: dict[str, str]) -> Iterator[Problem]:
    """Colours are #RRGGBB."""
    for key, value in colours.items():
        if not COLOUR.fullmatch(value):
            yield problem("render.colour", f"{where}.{key}", f"{shown(value)} is not a colour; write #RRGGBB")


def shared_colour_problems(
    colours: dict[str, str], preset: str | None, presets: tuple[ColourPreset, ...], scenes: Iterable[TemplateScene]
) -> Iterator[Problem]:
    """What is wrong with a project's shared colours and its preset."""
    slots = sorted({e.key for scene in scenes for e in scene.elements if e.kind == "colour"})
    for key in colours:
        if key not in slots:
            yield unknown("render.unknown_slot", f"colours.{key}", f"the template has no colour {shown(key)}", key, slots)
    yield from colour_problems("colours", colours)
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


def track_problems(audio: Iterable[Track]) -> Iterator[Problem]:
    """Volumes and starts within their bounds."""
    for index, track in enumerate(audio):
        if not 0 <= track.volume <= 2:
            yield problem("render.out_of_bounds", f"audio[{index}].volume", "volume must be 0 to 2")
        if not 0 <= track.start <= 36000 or not math.isfinite(track.start):
            yield problem("render.out_of_bounds", f"audio[{index}].start", "start must be 0 to 36000 seconds")


def look_problems(cmd: Any) -> Iterator[Problem]:
    """Size, rate, background and priority of a render."""
    for name in ("width", "height"):
        value = getattr(cmd, name)
        if not 16 <= value <= 4096 or value % 2:
            yield problem("render.size", name, f"{name} must be an even number from 16 to 4096, not {value}")
    num, den = cmd.rate
    if num < 1 or den < 1 or not 1 <= Fraction(num, den) <= 120 or max(num, den) > 1_000_000:
        yield problem("render.rate", "rate", f"rate must be a fraction from 1 to 120 frames per second, not {num}/{den}")
    if not COLOUR.fullmatch(cmd.background):
        yield problem("render.colour", "background", f"{shown(cmd.background)} is not a colour; write #RRGGBB")
    if fault := priority_fault(cmd.priority):
        yield problem("render.out_of_bounds", "priority", fault)
    if fault := deadline_fault(cmd.deadline):
        yield problem("render.out_of_bounds", "deadline", fault)
    if not 0 <= cmd.needs.memory <= MOST_MEMORY:
        yield problem("render.out_of_bounds", "needs.memory", f"memory must be 0 to {MOST_MEMORY} bytes, not {cmd.needs.memory}")
    for name in ("fonts", "labels"):
        words = getattr(cmd.needs, name)
        if len(words) > MOST_WORDS or any(not 0 < len(word) <= 100 for word in words):
            yield problem("render.out_of_bounds", f"needs.{name}", f"at most {MOST_WORDS} {name} of 1 to 100 characters")
