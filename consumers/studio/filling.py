"""A template filled with what a person gave: every value matched with the scene and the element that it is for."""

from itertools import chain, islice
from uuid import UUID

import msgspec

from consumers.runtime.domain import MOST_ERRORS, Refusal, refuse
from consumers.runtime.state import View, Want
from consumers.studio import checks
from consumers.studio.copies import SCENES, TEMPLATES
from consumers.studio.look import Look
from contracts.studio.copies import Template, TemplateScene
from contracts.studio.values import SceneValues, Track

SPEC_LARGEST = 52_000  # bytes; a render is one message, and messages stay under 64 KB


class Filled(msgspec.Struct, frozen=True):
    """A template and what a person put into it, from a saved project or from the request itself."""

    template: Template
    scenes: list[tuple[SceneValues, TemplateScene]]
    colours: dict[str, str]
    audio: tuple[Track, ...]
    saved_project_id: UUID | None
    look: Look = Look()


def fill(
    view: View,
    project_id: UUID,
    scenes: tuple[SceneValues, ...],
    colours: dict[str, str],
    preset: str | None,
    audio: tuple[Track, ...],
    saved_project_id: UUID | None = None,
    besides: tuple[Want, ...] = (),
    look: Look = Look(),  # noqa: B008 (it is frozen)
) -> Filled | Refusal:
    """Match values with the template's scenes and colours; `besides` is loaded with them, for what is decided afterwards."""
    view.need(view.at(TEMPLATES, project_id), view.group(SCENES, project_id=project_id), *besides)
    template = view.get(TEMPLATES, project_id)
    known = {row.scene: row for row in view.where(SCENES, project_id=project_id)}
    if template is None or len(known) < template.scene_count:
        return refuse("project.not_found", f"there is no published template {project_id}", "project_id", retry_for=checks.LEARNING)
    ordered = sorted(known.values(), key=lambda row: row.position)
    chosen = scenes or tuple(SceneValues(scene=row.scene) for row in ordered)
    found = chain(checks.shared_colour_problems(colours, preset, template.presets, ordered), checks.scenes_problems(chosen, known))
    if problems := list(islice(found, MOST_ERRORS)):
        return checks.refusal(problems)
    base = next((dict(p.colours) for p in template.presets if p.key == preset), {})
    return Filled(template, [(values, known[values.scene]) for values in chosen], {**base, **colours}, audio, saved_project_id, look)
