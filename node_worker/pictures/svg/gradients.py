"""Writes an SVG's gradients anew, with what they take over from others that they name."""

from collections.abc import Callable, Mapping

from node_worker.pictures.svg import values
from node_worker.pictures.svg.source import Node
from node_worker.pictures.svg.style import Sheet
from node_worker.pictures.svg.values import FARTHEST, written

GRADIENTS = {"linearGradient": ("x1", "y1", "x2", "y2"), "radialGradient": ("cx", "cy", "r", "fx", "fy", "fr")}
_SHARED = ("gradientUnits", "gradientTransform", "spreadMethod")


def gradient(node: Node, ids: Mapping[str, Node], sheet: Sheet, whole: Callable[[str], float], colour: str) -> str:
    """A gradient without a name yet (`id=%s`); `whole` says what per cent of a length are of, `colour` is that of currentColor."""
    attributes, stops = _inherited(node, ids)
    own = []
    in_user_space = attributes.get("gradientUnits") == "userSpaceOnUse"
    for name in GRADIENTS[node.tag]:
        found = values.length(attributes.get(name), whole(name) if in_user_space else 1.0)
        if found is not None and abs(found) <= FARTHEST:
            own.append(f' {name}="{written(found)}"')
    if in_user_space:
        own.append(' gradientUnits="userSpaceOnUse"')
    if attributes.get("spreadMethod") in ("pad", "reflect", "repeat"):
        own.append(f' spreadMethod="{attributes["spreadMethod"]}"')
    if "gradientTransform" in attributes:
        own.append(f' gradientTransform="matrix({" ".join(map(written, values.transform(attributes["gradientTransform"])))})"')
    return f"<{node.tag} id=%s{''.join(own)}>{''.join(_stop(stop, sheet, colour) for stop in stops)}</{node.tag}>"


def _inherited(node: Node, ids: Mapping[str, Node]) -> tuple[dict[str, str], list[Node]]:
    chain, attributes, stops = [node], dict(node.attributes), _stops(node)
    while (other := ids.get(chain[-1].attributes.get("href", "").strip().removeprefix("#"))) is not None:
        if other in chain or other.tag not in GRADIENTS:
            break
        chain.append(other)
        places = GRADIENTS[node.tag] if other.tag == node.tag else ()
        for key, value in other.attributes.items():
            if key in _SHARED or key in places:
                attributes.setdefault(key, value)
        stops = stops or _stops(other)
    return attributes, stops


def _stops(node: Node) -> list[Node]:
    return [child for child in node.children if child.tag == "stop"]


def _stop(stop: Node, sheet: Sheet, colour: str) -> str:
    style = sheet.of(stop)
    value = style.get("stop-color", "black")
    found, alpha = values.colour(colour if value.lower() == "currentcolor" else value) or ("#000000", 1.0)
    opacity = values.length(style.get("stop-opacity"), 1.0)
    alpha *= 1.0 if opacity is None else min(1.0, max(0.0, opacity))
    offset = min(1.0, max(0.0, values.length(stop.attributes.get("offset"), 1.0) or 0.0))
    return f'<stop offset="{written(offset)}" stop-color="{found}" stop-opacity="{written(alpha)}"/>'
