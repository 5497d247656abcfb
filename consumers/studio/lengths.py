"""An estimate, before anything is drawn, of the texts that are too long for their place: no decider has a font."""

import re
from collections.abc import Iterator

from contracts.letters import LINE_END, SCALES, ems
from contracts.spec import Element, Warning
from contracts.studio.copies import TemplateScene
from contracts.studio.values import SceneValues

SLACK = 1.05  # what an estimate may be wrong by without a word
_PART = re.compile(r"\S*?[/\u00ad\u200b-](?=\S)|\S+|\s+")  # where a line may be broken at the latest


def too_long(values: SceneValues, scene: TemplateScene) -> Iterator[Warning]:
    """A warning for each of a scene's new texts that will likely not fit, with the code that engines give it."""
    elements = {element.key: element for element in scene.elements}
    for key, text in values.texts.items():
        element = elements[key]
        if element.room > 0 and (found := _in_box(text, element) if element.lines else _in_picture(text, element)):
            code, detail = found
            yield Warning(code=code, detail=detail, element=key, scene=scene.scene)


def _in_picture(text: str, element: Element) -> tuple[str, str] | None:
    longest = max(ems(line) for line in LINE_END.split(text)) * element.breadth
    if longest <= element.room * SLACK:
        return None
    most = f"about {element.room / longest:.0%} of it fits"
    return "text.outside", f"By an estimate, the text is too long for the picture: {most}; shorten it, or put it on two lines."


def _in_box(text: str, element: Element) -> tuple[str, str] | None:
    for scale in SCALES:
        limit = element.room * SLACK / scale
        lines = [_wrapped(line, limit, element.breadth) for line in LINE_END.split(text)]
        if sum(count for count, _ in lines) <= int(element.lines / scale) and not any(torn for _, torn in lines):
            if scale > 0.9:
                return None
            return (
                "text.shrunk",
                f"By an estimate, the text is set at about {scale:.0%} of its size to fit its box; shorten it to keep the size.",
            )
    if any(torn for _, torn in lines):
        return (
            "text.torn",
            "By an estimate, a word is wider than its box and is broken within; shorten it, or put a soft hyphen (U+00AD) into it.",
        )
    return "text.overflow", f"By an estimate, the text does not fit its box even at {SCALES[-1]:.0%} of its size; shorten it."


def _wrapped(line: str, limit: float, breadth: float) -> tuple[int, bool]:
    """How many lines a paragraph takes, and whether a word is wider than one."""
    count, at, torn = 1, 0.0, False
    for part in _PART.findall(line):
        width = ems(part) * breadth
        if part.isspace():
            at += width
            continue
        if at > 0 and at + width > limit:
            count, at = count + 1, 0.0
        torn = torn or width > limit
        at += width
    return count, torn
