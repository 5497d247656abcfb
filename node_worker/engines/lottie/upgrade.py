"""Brings documents of old exporters to today's form, as the reference player does before it draws.

The versions at which each form changed are those of lottie-web's data manager.
"""

import re
from collections.abc import Iterator
from typing import Any

from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.schema import TEXT

Document = dict[str, Any]
_KEYFRAME_ENDS = ("s", "e")


def upgrade(document: Document) -> None:
    """Change the document in place: colours, texts, paths; and defuse what crashes the engine."""
    version = version_of(document)
    for layer in all_layers(document):
        if version < (4, 1, 9):
            _scale_colours(layer.get("shapes"))
        if version < (4, 4, 14):
            _wrap_text(layer)
        if version < (4, 4, 18):
            _move_closed(layer)
        if version < (5, 7, 15):
            _wrap_text_path(layer)
        if layer.get("sr") in (0, 0.0):
            layer["sr"] = 1  # a stretch of 0 would divide by zero
        for effect in objects(layer.get("ef")):
            # Exporters before 5 do not say whether an effect is on; the engine takes silence as off, and knows no words.
            effect["en"] = 1 if effect.get("en", 1) else 0


def all_layers(document: Document) -> Iterator[Document]:
    """Every layer of the root composition and of all others."""
    for owner in (document, *document.get("assets", ())):
        for layer in owner.get("layers") or ():
            if isinstance(layer, dict):
                yield layer


def version_of(document: Document) -> tuple[int, ...]:
    """The exporter's version; a document that does not say is taken as new."""
    text = document.get("v")
    parts = re.findall(r"\d+", text)[:3] if isinstance(text, str) else []
    return tuple(int(part) for part in parts) if parts else (100,)


def _scale_colours(items: object) -> None:
    """Before 4.1.9 colours went from 0 to 255."""
    for item in objects(items):
        if item.get("ty") in ("fl", "st") and isinstance(item.get("c"), dict):
            keys = item["c"].get("k")
            if isinstance(keys, list) and keys and isinstance(keys[0], dict):
                for key in objects(keys):
                    for end in _KEYFRAME_ENDS:
                        if isinstance(key.get(end), list):
                            key[end] = _to_unit(key[end])
            elif isinstance(keys, list):
                item["c"]["k"] = _to_unit(keys)
        elif item.get("ty") == "gr":
            _scale_colours(item.get("it"))


def _to_unit(values: list[Any]) -> list[Any]:
    return [value / 255 if isinstance(value, (int, float)) else value for value in values]


def _wrap_text(layer: Document) -> None:
    """Before 4.4.14 a text layer held one document and no keyframes."""
    text = layer.get("t")
    if layer.get("ty") == TEXT and isinstance(text, dict) and isinstance(text.get("d"), dict) and "k" not in text["d"]:
        text["d"] = {"k": [{"s": text["d"], "t": 0}]}


def _wrap_text_path(layer: Document) -> None:
    """Before 5.7.15 the numbers of a text path were not properties."""
    text = layer.get("t")
    path = text.get("p") if isinstance(text, dict) else None
    if layer.get("ty") == TEXT and isinstance(path, dict):
        for name in ("a", "p", "r"):
            if isinstance(path.get(name), (int, float)):
                path[name] = {"a": 0, "k": path[name]}


def _move_closed(layer: Document) -> None:
    """Before 4.4.18 a path's closedness stood beside its points."""
    _close_shapes(layer.get("shapes"))
    for mask in objects(layer.get("masksProperties")):
        _close(mask.get("pt"), mask.get("cl", False))


def _close_shapes(items: object) -> None:
    for item in objects(items):
        if item.get("ty") == "sh":
            _close(item.get("ks"), item.get("closed", False))
        elif item.get("ty") == "gr":
            _close_shapes(item.get("it"))


def _close(prop: object, closed: object) -> None:
    keys = prop.get("k") if isinstance(prop, dict) else None
    paths = (
        [keys] if isinstance(keys, dict) else [path for key in objects(keys) for end in _KEYFRAME_ENDS for path in objects(key.get(end))]
    )
    for path in paths:
        path.setdefault("c", bool(closed))
