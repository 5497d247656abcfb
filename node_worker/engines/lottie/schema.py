"""What the drawing engine reads of a Lottie document, part by part, and of which kind each field is."""

from typing import Any

from node_worker.engines.lottie.kinds import (
    Check,
    Mismatch,
    between,
    each,
    flag,
    identity,
    limited,
    moment,
    name,
    number,
    numbers,
    record,
    text,
    wanted,
    whole,
)
from node_worker.engines.lottie.properties import (
    COLOUR,
    FLOAT,
    K_COLOUR,
    K_FLOAT,
    K_VECTOR,
    PATH,
    POINT,
    POINT3,
    VECTOR,
    animated,
    gradient,
    position,
    values,
)

PRECOMP, SOLID, IMAGE, NULL, SHAPE, TEXT, AUDIO = range(7)  # a layer's type
CAMERA = 13  # and another one
_MOST_DASHES = 250  # the engine counts them in a byte
_BLEND = between(0, 255)
_COMMON: dict[str, Check] = {"nm": name, "hd": flag}

TRANSFORM: dict[str, Check] = {
    **_COMMON,
    "p": position,
    "a": POINT,
    "s": POINT,
    "r": FLOAT,
    "o": FLOAT,
    "sk": FLOAT,
    "sa": FLOAT,
}
_transform = record(TRANSFORM)
_transform_3d = record({**TRANSFORM, "rx": FLOAT, "ry": FLOAT, "rz": FLOAT, "or": POINT3})


def _dashes(value: Any) -> None:
    each(record({"n": text, "v": FLOAT}))(value)
    if len(value) > _MOST_DASHES:
        raise Mismatch(f"should hold at most {_MOST_DASHES} dashes and gaps, not {len(value)}")


def shapes(value: Any) -> None:
    """A list of shapes, each by its type; types that the engine does not know it passes over."""
    each(_shape)(value)


def _shape(value: Any) -> None:
    if type(value) is not dict:
        raise wanted("an object", value)
    kind = value.get("ty")
    if type(kind) is not str:
        raise wanted("a shape's type, such as gr or fl", kind).below("ty")
    known = SHAPES.get(kind)
    if known is not None:
        known(value)


_LINE: dict[str, Check] = {"lc": whole, "lj": whole, "ml": number, "w": FLOAT, "d": _dashes}
_FADE: dict[str, Check] = {**_COMMON, "t": whole, "o": FLOAT, "g": gradient, "s": POINT, "e": POINT, "h": FLOAT, "a": FLOAT}
_COPY = record({"a": POINT, "p": VECTOR, "r": FLOAT, "s": POINT, "so": FLOAT, "eo": FLOAT})
_STAR: dict[str, Check] = {**dict.fromkeys(("pt", "ir", "is", "or", "os", "r"), FLOAT), "p": VECTOR, "sy": whole, "d": whole}

SHAPES: dict[str, Check] = {
    "gr": record({**_COMMON, "it": shapes, "bm": _BLEND}),
    "tr": _transform,
    "rc": record({**_COMMON, "s": POINT, "p": VECTOR, "r": FLOAT, "d": whole}),
    "el": record({**_COMMON, "s": POINT, "p": VECTOR, "d": whole}),
    "sr": record({**_COMMON, **_STAR}),
    "sh": record({**_COMMON, "ks": PATH, "d": whole}),
    "fl": record({**_COMMON, "c": COLOUR, "o": FLOAT, "fillEnabled": flag, "r": whole}),
    "st": record({**_COMMON, **_LINE, "c": COLOUR, "o": FLOAT, "fillEnabled": flag}),
    "gf": record({**_FADE, "r": whole}),
    "gs": record({**_FADE, **_LINE}),
    "rd": record({**_COMMON, "r": FLOAT}),
    "tm": record({**_COMMON, "s": FLOAT, "e": FLOAT, "o": FLOAT, "m": whole}),
    "rp": record({**_COMMON, "c": FLOAT, "o": FLOAT, "m": whole, "tr": _COPY}),
    "op": record({**_COMMON, "a": FLOAT, "lj": whole, "ml": FLOAT}),
    "pb": record({**_COMMON, "a": FLOAT}),
    "zz": record({**_COMMON, "s": FLOAT, "r": FLOAT, "pt": FLOAT}),
}

_MASK = record({"inv": flag, "mode": text, "pt": PATH, "o": FLOAT, "x": FLOAT})


def _mask(value: Any) -> None:
    _MASK(value)
    if "pt" not in value or "k" not in value["pt"]:
        raise Mismatch("should hold the mask's path; take the mask out, or draw it again").below("k").below("pt")
    value.setdefault("mode", "a")  # without one the engine takes what lies in memory; other players add


_SOFTEST = 32_768  # pixels of blur or distance, as the designing program allows; the engine's time grows with it

_SOFT = values(limited(_SOFTEST))
# What an effect's values are, by their place in its list; values at other places are not read.
_EFFECTS: dict[int, dict[int, Check]] = {
    20: {0: K_COLOUR, 1: K_COLOUR, 2: K_FLOAT},  # tint
    21: {2: K_COLOUR, 6: K_FLOAT},  # fill
    22: {0: K_FLOAT, 1: K_FLOAT, 3: K_COLOUR, 4: K_FLOAT, 6: K_FLOAT, 7: K_FLOAT, 8: K_FLOAT},  # stroke
    23: {0: K_COLOUR, 1: K_COLOUR, 2: K_COLOUR, 3: K_FLOAT},  # tritone
    25: {0: K_COLOUR, 1: K_FLOAT, 2: K_FLOAT, 3: _SOFT, 4: _SOFT},  # drop shadow
    29: {0: _SOFT, 1: K_FLOAT, 2: K_FLOAT},  # blur
}
_STROKE, _STROKE_VALUES = 22, 9  # the engine gives the values of a stroke that are missing no beginning: it may draw a line without end
_CONTROLS = 5  # an effect of values that expressions read
_CONTROL: dict[int, Check] = {0: K_FLOAT, 1: K_FLOAT, 2: K_COLOUR, 3: K_VECTOR, 4: K_FLOAT, 7: K_FLOAT, 10: K_FLOAT}
_EFFECT = record({"ty": whole, "nm": name, "mn": name, "ix": whole, "en": whole})
_VALUE = record({"ty": whole, "nm": name, "mn": name})


def _effect(value: Any) -> None:
    _EFFECT(value)
    kind, parts = value.get("ty"), value.get("ef")
    if parts is None:
        value.pop("ef", None)
        parts = []
    places = _EFFECTS.get(kind)
    if places is None and kind != _CONTROLS:
        return
    try:
        each(_VALUE)(parts)
        place = 0
        for index, part in enumerate(parts):
            held = part.get("v")
            k = held.get("k") if type(held) is dict else held
            if k is None:
                continue
            check = _CONTROL.get(part.get("ty", -1)) if places is None else places.get(place)
            place += 1
            if check is not None:
                _value(check, k, index, nested=type(held) is dict)
        if kind == _STROKE and place < _STROKE_VALUES:
            raise Mismatch(f"should hold the {_STROKE_VALUES} values of a stroke; take the effect out, or apply it anew")
        if places is None:
            parts[:] = [{"ty": part["ty"], **part} if "ty" in part else part for part in parts]  # the engine wants to know it first
    except Mismatch as mismatch:
        raise mismatch.below("ef") from None


def _value(check: Check, k: Any, index: int, *, nested: bool) -> None:
    try:
        check(k)
    except Mismatch as mismatch:
        raise (mismatch.below("k") if nested else mismatch).below("v").below(index) from None


_SELECTOR = record({**dict.fromkeys(("xe", "ne", "a", "o", "sm", "s", "e"), FLOAT), **dict.fromkeys(("t", "b", "rn", "sh", "r"), whole)})
_STYLE = record({**dict.fromkeys(("t", "ls", "fo", "sw", "so", "o", "r"), FLOAT), "fc": COLOUR, "sc": COLOUR, "p": VECTOR, "s": POINT})


def _selector(value: Any) -> None:
    _SELECTOR(value)
    if "ne" in value and "xe" not in value:
        value["xe"] = {"a": 0, "k": 0}  # without it the engine has nowhere to keep the easing


# What shaping writes anew need not be right before it.
_INK: dict[str, Check] = {"t": text, "fc": numbers(3), "sc": numbers(3), "sw": number, "ls": number, "of": flag}
_SHAPED: dict[str, Check] = {
    **_INK,
    "f": text,
    "s": number,
    "j": whole,
    "ca": whole,
    "tr": number,
    "lh": number,
    "ps": numbers(2),
    "sz": numbers(2),
}


def _text(document: dict[str, Check]) -> Check:
    source = animated(each(record({"t": moment, "s": record(document), "h": whole})))
    return record(
        {
            "d": source,
            "a": each(record({"s": _selector, "a": _STYLE})),
            "m": record({"g": whole, "a": POINT}),
            "p": record({"m": whole, "f": FLOAT}),
        }
    )


_LAYER: dict[str, Check] = {
    "nm": name,
    "ddd": whole,
    "ind": whole,
    "ty": between(0, 255),
    "sr": number,
    "ao": whole,
    "shapes": shapes,
    "ip": moment,
    "op": moment,
    "st": moment,
    "bm": _BLEND,
    "parent": whole,
    "tm": FLOAT,
    "w": number,
    "h": number,
    "sw": number,
    "sh": number,
    "sc": text,
    "tt": between(0, 4),
    "tp": whole,
    "masksProperties": each(_mask),
    "hd": flag,
    "refId": identity,
    "td": whole,
    "ef": each(_effect),
    "au": record({"lv": FLOAT}),
}
_OF_ANOTHER_KIND = (PRECOMP, IMAGE, TEXT, AUDIO)  # layers that hold something else than shapes


def layers(texts: Check) -> Check:
    """A list of layers, whose text is checked by `texts`."""
    plain = record(_LAYER)
    with_text = record({**_LAYER, "t": texts})

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise wanted("an object", value)
        kind = value.get("ty")
        if isinstance(kind, (int, float)) and kind in _OF_ANOTHER_KIND:
            value.pop("shapes", None)  # else the engine takes shapes for layers, pictures or texts
        if kind != TEXT:
            value.pop("t", None)
        if kind == SOLID:
            value.setdefault("sc", "#000000")  # else the engine takes what lies in memory; other players draw black
        (with_text if kind == TEXT else plain)(value)
        if "ks" in value:
            try:
                (_transform_3d if value.get("ddd") else _transform)(value["ks"])
            except Mismatch as mismatch:
                raise mismatch.below("ks") from None

    return each(check)


def _identity(value: Any) -> None:
    """An asset's name, or its number."""
    if type(value) is str:
        identity(value)
    else:
        whole(value)


def _root(texts: Check) -> Check:
    found = layers(texts)
    # Where a picture lies is brought into order by embed.py; what else stands there is left out by it.
    asset = record({"id": _identity, "layers": found, "w": number, "h": number, "e": whole, "sid": text})
    return record(
        {
            "v": text,
            "nm": name,
            "fr": number,
            "ip": moment,
            "op": moment,
            "w": number,
            "h": number,
            "assets": each(asset),
            "layers": found,
            "markers": each(record({"cm": name, "tm": moment, "dr": moment})),
        }
    )


UPLOADED = _root(_text(_INK))
SHAPED = _root(_text(_SHAPED))
GLYPHS = record({"chars": each(record({"data": record({"shapes": shapes})}))})
