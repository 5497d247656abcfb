"""Colours between "#RRGGBB" and a document's properties."""

import re
from typing import Any

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.guard import number

_HEX = re.compile(r"#([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})\Z")


def parse_colour(text: str, field: str) -> tuple[int, int, int]:
    """Read "#RRGGBB" as three bytes. Raises TemplateRefused naming the field."""
    match = _HEX.match(text) if isinstance(text, str) else None
    if match is None:
        raise TemplateRefused("value.not_a_colour", f"{str(text)[:40]!r} is not a colour; write it as #RRGGBB.", field)
    red, green, blue = (int(part, 16) for part in match.groups())
    return red, green, blue


def colour_of(prop: object) -> str:
    """A colour property's first value as "#RRGGBB"; "" if it is no colour."""
    keys = prop.get("k") if isinstance(prop, dict) else prop
    if isinstance(keys, list) and keys and isinstance(keys[0], dict):
        keys = keys[0].get("s")
    if not isinstance(keys, list) or len(keys) not in (3, 4):
        return ""
    parts = [number(value) for value in keys[:3]]
    if not all(0 <= part <= 1.001 for part in parts):
        return ""
    return "#" + "".join(f"{min(255, round(part * 255)):02X}" for part in parts)


def set_colour(prop: dict[str, Any], colour: tuple[int, int, int]) -> None:
    """Give a property one still colour; its opacity channel stays, its animation, expression and slot go."""
    before = prop.get("k")
    if isinstance(before, list) and before and isinstance(before[0], dict):
        before = before[0].get("s")
    alpha = before[3:4] if isinstance(before, list) else []
    for name in ("x", "sid"):
        prop.pop(name, None)
    prop["a"], prop["k"] = 0, [*(round(part / 255, 6) for part in colour), *(alpha or [1])]
