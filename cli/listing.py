"""Describes a template to a person: its scenes, what can be changed in each, its colours and presets."""

import shlex
from collections.abc import Iterator

from cli.film import Template


def described(template: Template) -> str:
    """The template in words, an element a line, as `--set` and `--color` name it."""
    return "\n".join(_lines(template))


def _lines(template: Template) -> Iterator[str]:
    alone = len(template.scenes) == 1
    shared: dict[str, str] = {}
    for scene in template.scenes:
        yield f"scene {scene.key}: {scene.width}x{scene.height}, {scene.duration:g} s at {scene.rate:g} frames/s"
        for element in scene.elements:
            if element.kind == "colour" and element.shared:
                shared.setdefault(element.key, element.default)
                continue
            name = element.key if alone else f"{scene.key}.{element.key}"
            yield f"  {element.kind:<6} --set {name}={_shown(element.default)}"
        for warning in scene.warnings:
            yield f"  warning {warning.code}: {warning.detail}"
    if shared or template.project.presets:
        yield "the whole video:"
    for slot, default in shared.items():
        yield f"  colour --color {slot}={_shown(default)}"
    for preset in template.project.presets:
        yield f"  preset --preset {preset.key}: {', '.join(f'{slot} {value}' for slot, value in preset.colours.items())}"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return shlex.quote(line if len(line) <= 60 else line[:59] + "…")
