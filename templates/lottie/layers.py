"""Layers of a Lottie composition; a `Place` says where one is and how it moves."""

from collections.abc import Sequence

import msgspec

from templates.lottie.values import Json, Number, prop

LEFT, RIGHT, CENTRE = 0, 1, 2
REGULAR, BOLD = "FiraGO-Regular", "FiraGO-Bold"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Position, scale (per cent), rotation (degrees) and opacity (per cent) of a layer around its own origin."""

    at: Number | Json = (0, 0)
    anchor: Number | Json = (0, 0)
    scale: Number | Json = (100, 100)
    turn: float | Json = 0
    opacity: float | Json = 100

    def document(self) -> Json:
        """Return the layer's `ks`."""
        return {
            "p": prop(self.at),
            "a": prop(self.anchor),
            "s": prop(self.scale),
            "r": prop(self.turn),
            "o": prop(self.opacity),
        }


def _layer(kind: int, name: str, place: Place | None) -> Json:
    return {"ty": kind, "nm": name, "ks": (place or Place()).document(), "st": 0, "bm": 0}


def shapes(name: str, *items: Json, place: Place | None = None) -> Json:
    """Return a shape layer; the first shape lies on top."""
    return _layer(4, name, place) | {"shapes": list(items)}


def picture(name: str, asset: str, place: Place | None = None) -> Json:
    """Return a layer that shows a picture asset."""
    return _layer(2, name, place) | {"refId": asset}


def composition(name: str, asset: str, size: tuple[int, int], place: Place | None = None) -> Json:
    """Return a layer that shows a composition asset of that size."""
    return _layer(0, name, place) | {"refId": asset, "w": size[0], "h": size[1]}


def text(
    name: str,
    words: str,
    box: tuple[float, float],
    size: float,
    colour: Json,
    *,
    font: str = REGULAR,
    align: int = CENTRE,
    tracking: float = 0,
    place: Place | None = None,
) -> Json:
    """Return a text layer whose box (width, height) is centred on the layer's origin.

    The colour is set by a text animator over all characters, because a text document itself cannot name a slot for its colour alone.
    """
    start: Json = {
        "t": words,
        "f": font,
        "s": size,
        "fc": colour["k"],
        "j": align,
        "tr": tracking,
        "lh": round(size * 1.22, 2),
        "ls": 0,
        "sz": list(box),
        "ps": [-box[0] / 2, -box[1] / 2],
    }
    paint = {"nm": "colour", "s": {"t": 0, "b": 1, "rn": 0, "sh": 1, "r": 1, "a": prop(100)}, "a": {"fc": colour}}
    body = {"d": {"k": [{"s": start, "t": 0}]}, "p": {}, "m": {"g": 1, "a": prop((0, 0))}, "a": [paint]}
    return _layer(5, name, place) | {"t": body}


def matted(layer: Json, matte: Json) -> list[Json]:
    """Show `layer` only where `matte` is opaque: returns both, in the order a document needs."""
    return [matte | {"td": 1}, layer | {"tt": 1}]


def finished(layers: Sequence[Json], frames: int) -> list[Json]:
    """Number the layers and let every one of them live for the whole composition."""
    return [layer | {"ind": index, "ip": 0, "op": frames} for index, layer in enumerate(layers, 1)]


def font_list() -> Json:
    """Return the document's list of fonts: both weights of FiraGO; ascent as in the font's own hhea table."""
    return {
        "list": [
            {"fName": f"FiraGO-{style}", "fFamily": "FiraGO", "fStyle": style, "ascent": 93.5, "origin": 0} for style in ("Regular", "Bold")
        ]
    }
