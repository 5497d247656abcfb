"""What a designer calls a property, by its place in a layer."""

from typing import Any

Document = dict[str, Any]

_TRANSFORM = {
    "p": "Position",
    "a": "Anchor Point",
    "s": "Scale",
    "r": "Rotation",
    "rz": "Rotation",
    "rx": "X Rotation",
    "ry": "Y Rotation",
    "or": "Orientation",
    "o": "Opacity",
    "sk": "Skew",
    "sa": "Skew Axis",
    "so": "Start Opacity",
    "eo": "End Opacity",
}
_BY_KIND: dict[str, dict[str, str]] = {
    "rc": {"s": "Size", "p": "Position", "r": "Roundness"},
    "el": {"s": "Size", "p": "Position"},
    "sr": {
        "pt": "Points",
        "p": "Position",
        "r": "Rotation",
        "or": "Outer Radius",
        "ir": "Inner Radius",
        "os": "Outer Roundness",
        "is": "Inner Roundness",
    },
    "sh": {"ks": "Path"},
    "fl": {"c": "Color", "o": "Opacity"},
    "st": {"c": "Color", "o": "Opacity", "w": "Stroke Width"},
    "gf": {"s": "Start Point", "e": "End Point", "o": "Opacity"},
    "gs": {"s": "Start Point", "e": "End Point", "o": "Opacity", "w": "Stroke Width"},
    "tm": {"s": "Start", "e": "End", "o": "Offset"},
    "rp": {"c": "Copies", "o": "Offset"},
    "rd": {"r": "Radius"},
    "tr": _TRANSFORM,
}
_MASK = {"pt": "Mask Path", "o": "Mask Opacity", "x": "Mask Expansion", "f": "Mask Feather"}
_LAYER = {"tm": "Time Remap", "d": "Source Text"}


def name_of(path: tuple[str | int, ...], holder: Document) -> str:
    """A property's name, with that of the group that holds it: "Opacity of Fill 1"."""
    key, group = str(path[-1]), str(holder.get("nm") or "")
    if path[0] == "ks":
        axis = path[1] if len(path) > 2 else key
        return _TRANSFORM.get(str(axis), str(axis)) if len(path) == 2 else f"{key.upper()} Position"
    if path[0] == "ef":
        return f"{group or 'a value'} of an effect"
    if path[0] == "masksProperties":
        return _MASK.get(key, key)
    if path[:2] == ("t", "a"):
        return "a text animator's selector" if path[3:4] == ("s",) else "a text animator"
    if path[0] == "shapes":
        known = _BY_KIND.get(str(holder.get("ty")), {}).get(key, key)
        return f"{known} of {group[:60]}" if group else known
    return _LAYER.get(key, key)
