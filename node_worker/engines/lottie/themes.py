"""Themes of a .lottie: rules that give slots other values, still or animated, for all animations of the file or for some.

https://dotlottie.io/spec/2.0/#themes. The theme with which an animation begins is put into its slots before anything else is; the
others are offered as presets of colours. A ground that the manifest gives an animation is laid under it.
"""

from collections.abc import Iterator
from typing import Any

from contracts.spec import ColourPreset
from node_worker.engines.lottie.colours import colour_of
from node_worker.engines.lottie.elements import text_documents
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.playback import Tell

Document = dict[str, Any]
_PLAIN = ("Color", "Scalar", "Position", "Vector")
_HEX = frozenset("0123456789abcdefABCDEF")
_JUSTIFY = {
    "left": 0,
    "right": 1,
    "center": 2,
    "justifylastlineleft": 3,
    "justifylastlineright": 4,
    "justifylastlinecenter": 5,
    "justifylastlinefull": 6,
}
_CAPITALS = {"regular": 0, "allcaps": 1, "smallcaps": 2}
_TEXT_FIELDS = {
    "text": "t",
    "fontName": "f",
    "fontFamily": "f",
    "fontSize": "s",
    "fillColor": "fc",
    "strokeColor": "sc",
    "strokeWidth": "sw",
    "strokeOverFill": "of",
    "lineHeight": "lh",
    "tracking": "tr",
    "baselineShift": "ls",
    "wrapSize": "sz",
    "wrapPosition": "ps",
}


def apply_theme(document: Document, theme: Document, animation: str) -> None:
    """Give a document's slots the values of a theme's rules for the animation."""
    slots = document.get("slots")
    slots = dict(slots) if isinstance(slots, dict) else {}
    for rule in rules_for(theme, animation):
        held = slots.get(rule["id"])
        before = held.get("p") if isinstance(held, dict) else None
        value = _slot(rule, before if isinstance(before, dict) else {})
        if value is not None:
            slots[rule["id"]] = {"p": value}
    document["slots"] = slots


def lay_ground(document: Document, colour: str) -> None:
    """Put a ground of a colour, #RRGGBB with or without AA, under a document; nothing if it is none."""
    parts = _hex(colour)
    if parts is None:
        return
    opacity = int(colour.removeprefix("#")[6:] or "FF", 16) / 255 * 100
    width, height = document["w"], document["h"]
    still = {name: {"a": 0, "k": value} for name, value in (("p", [0, 0]), ("a", [0, 0]), ("s", [100, 100]), ("r", 0), ("o", 100))}
    box = {"ty": "rc", "s": {"a": 0, "k": [width, height]}, "p": {"a": 0, "k": [width / 2, height / 2]}, "r": {"a": 0, "k": 0}}
    fill = {"ty": "fl", "c": {"a": 0, "k": parts}, "o": {"a": 0, "k": opacity}, "r": 1}
    shapes = [{"ty": "gr", "it": [box, fill, {"ty": "tr", **still}]}]
    times = {"ip": document.get("ip", 0), "op": document["op"], "st": 0}
    document["layers"] = [*document["layers"], {"ty": 4, "nm": "", **times, "ks": still, "shapes": shapes}]


def rules_for(theme: Document, animation: str) -> Iterator[Document]:
    """The rules that hold for an animation, each with the id of its slot under `id`."""
    for rule in objects(theme.get("rules")):
        scope, name = rule.get("animations"), rule.get("id", rule.get("slotId"))
        if isinstance(name, str) and (not isinstance(scope, list) or not scope or animation in scope):
            yield {**rule, "id": name}


def doubts(title: str, theme: Document, tell: Tell) -> None:
    """Tell what of a theme a preset of colours cannot hold, and rules of unknown kinds."""
    rules = list(objects(theme.get("rules")))
    kinds = {str(rule.get("type"))[:30] for rule in rules}
    if unknown := kinds - {*_PLAIN, "Gradient", "Image", "Text"}:
        tell("theme.rule", f"The theme {title[:60]!r} has rules of unknown kinds ({', '.join(sorted(unknown))}), which are left out.")
    moving = any(rule.get("type") == "Color" and "value" not in rule for rule in rules)
    scoped = any(rule.get("type") == "Color" and rule.get("animations") for rule in rules)
    more = sorted(kinds & {"Scalar", "Position", "Vector", "Gradient", "Image", "Text"})
    parts = [f"{'/'.join(more).lower()} values"] if more else []
    parts += ["colours that change over time"] if moving else []
    parts += ["colours for some scenes only"] if scoped else []
    if parts:
        detail = f"The theme {title[:60]!r} also has {', '.join(parts)}; chosen as a preset it gives each shared colour one value."
        tell("theme.partial", detail)


def preset_of(key: str, title: str, theme: Document) -> ColourPreset:
    """A theme's colours; of one that changes over time, the first."""
    colours = {}
    for rule in objects(theme.get("rules")):
        name = rule.get("id", rule.get("slotId"))
        if rule.get("type") == "Color" and isinstance(name, str):
            slot = _slot({**rule, "id": name}, {})
            colour = colour_of(slot) if slot else ""
            if colour:
                colours[name] = colour
    return ColourPreset(key=key, title=title, colours=colours)


def _slot(rule: Document, before: Document) -> Document | None:
    """A rule's value as a slot holds it; None if it has none, or of an unknown kind."""
    kind, frames = (
        rule.get("type"),
        [frame for frame in objects(rule.get("keyframes")) if number(frame.get("frame")) == number(frame.get("frame"))],
    )
    if kind == "Image":
        return _image(rule.get("value"), before)
    if kind == "Text":
        return _texts(rule, frames, before)
    if kind not in (*_PLAIN, "Gradient"):
        return None
    value = _value(kind, rule.get("value"))
    keys = [key for key in (_keyframe(kind, frame) for frame in frames) if key] if value is None else []
    if value is None and not keys:
        return None
    made: Document = {"a": 1 if keys else 0, "k": keys or value}
    if isinstance(rule.get("expression"), str):
        made["x"] = rule["expression"]
    if kind != "Gradient":
        return made
    stops = rule.get("value") if value is not None else frames[0].get("value")
    return {"p": len(list(objects(stops))), "k": made}


def _value(kind: object, value: object) -> Any:
    """A still value as a property holds it; None if it is none of this kind."""
    if kind == "Scalar":
        return value if number(value) == number(value) else None
    if kind == "Gradient":
        return _stops(value)
    if kind == "Color" and isinstance(value, str):
        return _hex(value)
    return value if isinstance(value, list) and value and all(number(part) == number(part) for part in value) else None


def _hex(text: str) -> list[float] | None:
    digits = text.removeprefix("#")
    return [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)] if len(digits) in (6, 8) and set(digits) <= _HEX else None


def _stops(value: object) -> list[float] | None:
    """Colour stops as one list: offset, red, green and blue of each, then offset and opacity of each that has one."""
    colours: list[float] = []
    opacities: list[float] = []
    for stop in objects(value):
        offset, colour = number(stop.get("offset")), stop.get("color")
        parts = [number(part) for part in colour] if isinstance(colour, list) else []
        if offset != offset or len(parts) < 3 or any(part != part for part in parts):
            return None
        colours += [offset, *parts[:3]]
        opacities += [offset, parts[3] if len(parts) > 3 else 1.0]
    return [*colours, *(opacities if any(part != 1 for part in opacities[1::2]) else [])] or None


def _keyframe(kind: object, frame: Document) -> Document | None:
    value = _value(kind, frame.get("value"))
    if value is None:
        return None
    key: Document = {"t": frame["frame"], "s": value if isinstance(value, list) else [value]}
    key |= {name: frame[given] for name, given in (("i", "inTangent"), ("o", "outTangent")) if isinstance(frame.get(given), dict)}
    key |= {
        name: frame[given] for name, given in (("ti", "valueInTangent"), ("to", "valueOutTangent")) if isinstance(frame.get(given), list)
    }
    if not ("i" in key and "o" in key):
        key |= {"i": {"x": 1, "y": 1}, "o": {"x": 0, "y": 0}}
    return {**key, "h": 1} if frame.get("hold") else key


def _image(value: object, before: Document) -> Document | None:
    """A picture by its file in the bundle, or by a data: address."""
    held: Document = value if isinstance(value, dict) else {"path": value}
    name = next((held[key] for key in ("path", "src", "url", "id") if isinstance(held.get(key), str) and held[key]), None)
    if name is None:
        return None
    sizes = {side: held[full] for side, full in (("w", "width"), ("h", "height")) if number(held.get(full)) > 0}
    return {**before, **sizes, "p": name, "u": "", "e": 1 if name.startswith("data:") else 0}


def _texts(rule: Document, frames: list[Document], before: Document) -> Document | None:
    """A text's documents: what the rule does not say stays as it was."""
    known = text_documents({"t": {"d": before}})
    own = known[0] if known else {}
    if "value" in rule:
        frames = [{"frame": 0, "value": rule["value"]}]
    keys = [{"t": frame["frame"], "s": {**own, **_text(frame.get("value"))}} for frame in frames]
    return {**before, "k": keys} if keys and all(isinstance(key["s"].get("t"), str) for key in keys) else None


def _text(value: object) -> Document:
    if not isinstance(value, dict):
        return {"t": value} if isinstance(value, str) else {}
    found = {short: value[name] for name, short in _TEXT_FIELDS.items() if value.get(name) is not None}
    for name in ("fc", "sc"):
        if isinstance(found.get(name), str):
            found[name] = _hex(found[name])
    for name, short, meanings in (("justify", "j", _JUSTIFY), ("textCaps", "ca", _CAPITALS)):
        meant = meanings.get(str(value.get(name, "")).lower())
        if meant is not None:
            found[short] = meant
    return found
