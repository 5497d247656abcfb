"""Documents that use every part of Lottie that the engine reads, small, to be changed."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

Document = dict[str, Any]
PICTURES = Path(__file__).parents[1] / "data" / "pictures"
EVERYTHING, ONE = " of the zoo", " of the pictures"  # ends of names: documents that use much, and documents of one feature
LARGEST = 130_000  # bytes of a document of a folder that is still changed; larger ones cost time and bring nothing new


def bases(folder: Path | None = None) -> list[tuple[str, bytes]]:
    """Names and bytes of the documents: our own, then those of a folder."""
    own = [(f"{name}{EVERYTHING}", json.dumps(document).encode()) for name, document in documents()]
    own += [(f"{path.stem}{ONE}", path.read_bytes()) for path in sorted(PICTURES.glob("*.json"))]
    found = sorted(folder.glob("*.json")) if folder is not None and folder.is_dir() else []
    return own + [(path.name, path.read_bytes()) for path in found if path.stat().st_size <= LARGEST]


def documents() -> Iterator[tuple[str, Document]]:
    """Our own documents, by what they use."""
    yield "shapes", document(shape_layer(every_shape()), shape_layer(moving()))
    yield "compositions", compositions()
    yield "masks", masks()
    yield "texts", texts()
    yield "effects", effects()
    yield "expressions", expressions()


def document(*layers: Document, **fields: Any) -> Document:
    """A whole document around layers."""
    numbered = [{**layer, "ind": index} for index, layer in enumerate(layers, 1)]
    whole = {"v": "5.9.0", "fr": 30, "ip": 0, "op": 30, "w": 160, "h": 90, "nm": "zoo", "ddd": 0, "assets": [], "layers": numbered}
    return {**whole, **fields}


def still(value: Any) -> Document:
    return {"a": 0, "k": value}


def keys(*ends: Any, **more: Any) -> Document:
    """A property that moves through values, evenly over a second."""
    step = 30 / max(1, len(ends) - 1)
    ease = {"i": {"x": [0.6], "y": [1]}, "o": {"x": [0.3], "y": [0]}}
    frames = [{"t": round(index * step), "s": end if isinstance(end, list) else [end], **ease, **more} for index, end in enumerate(ends)]
    return {"a": 1, "k": frames}


def place(**more: Any) -> Document:
    usual = {"o": still(100), "r": still(0), "p": still([80, 45, 0]), "a": still([0, 0, 0]), "s": still([100, 100, 100])}
    return {**usual, **more}


def layer(kind: int, **more: Any) -> Document:
    return {"ddd": 0, "ty": kind, "nm": f"layer {kind}", "sr": 1, "ks": place(), "ao": 0, "ip": 0, "op": 30, "st": 0, "bm": 0, **more}


def shape_layer(items: list[Document], **more: Any) -> Document:
    return layer(4, shapes=items, **more)


def bezier(*corners: list[float], closed: bool = True) -> Document:
    flat = [[0, 0] for _ in corners]
    return {"i": flat, "o": [[5, 5] for _ in corners], "v": list(corners), "c": closed}


def group(*items: Document) -> Document:
    return {
        "ty": "gr",
        "nm": "group",
        "bm": 0,
        "hd": False,
        "it": [*items, {"ty": "tr", **place(p=still([0, 0])), "sk": still(5), "sa": still(10)}],
    }


FILL: Document = {"ty": "fl", "c": still([1, 0.2, 0.1, 1]), "o": still(80), "r": 1, "nm": "fill"}
DASH = [{"n": "d", "nm": "dash", "v": still(6)}, {"n": "g", "nm": "gap", "v": still(3)}, {"n": "o", "nm": "offset", "v": keys(0, 9)}]
STROKE: Document = {"ty": "st", "c": still([0, 0, 1, 1]), "o": still(100), "w": still(3), "lc": 2, "lj": 1, "ml": 4, "d": DASH}
STOPS: Document = {"p": 2, "k": still([0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0.2])}


def gradient(kind: str, number: int, **more: Any) -> Document:
    return {
        "ty": kind,
        "t": number,
        "o": still(100),
        "g": STOPS,
        "s": still([-20, 0]),
        "e": still([20, 9]),
        "h": still(10),
        "a": still(5),
        **more,
    }


def every_shape() -> list[Document]:
    star = {
        "ty": "sr",
        "sy": 1,
        "d": 1,
        "p": still([0, 0]),
        "pt": still(5),
        "ir": still(6),
        "is": still(2),
        "or": still(15),
        "os": still(3),
        "r": still(4),
    }
    copies = {"a": still([0, 0]), "p": still([12, 3]), "s": still([90, 90]), "r": still(8), "so": still(100), "eo": still(20)}
    return [
        group({"ty": "rc", "s": still([30, 20]), "p": still([0, 0]), "r": still(3), "d": 1}, FILL, STROKE),
        group({"ty": "el", "s": still([24, 24]), "p": still([5, 5]), "d": 3}, gradient("gf", 1, r=1)),
        group(star, {"ty": "rd", "r": still(2)}, gradient("gs", 2, w=still(2), lc=1, lj=2, ml=3, d=DASH)),
        group(
            {"ty": "sh", "ks": still(bezier([0, 0], [20, 0], [20, 20]))},
            {"ty": "tm", "s": still(10), "e": keys(20, 90), "o": still(30), "m": 1},
            STROKE,
        ),
        group(
            {"ty": "rc", "s": still([8, 8]), "p": still([0, 0]), "r": still(0)},
            FILL,
            {"ty": "rp", "c": still(3), "o": still(0), "m": 1, "tr": copies},
        ),
        group(
            {"ty": "sh", "ks": still(bezier([0, 0], [9, 0], [9, 9]))},
            {"ty": "op", "a": still(4), "lj": 1, "ml": still(4)},
            {"ty": "pb", "a": still(20)},
            FILL,
        ),
        group(
            {"ty": "el", "s": still([9, 9]), "p": still([0, 0])},
            {"ty": "zz", "s": still(2), "r": still(3), "pt": still(1)},
            {"ty": "mm", "mm": 1},
            FILL,
        ),
    ]


def moving() -> list[Document]:
    path = {
        "a": 1,
        "k": [{"t": at, "s": [bezier([0, 0], [at, 5], [20, 20])], "i": {"x": 0.5, "y": 1}, "o": {"x": 0.5, "y": 0}} for at in (0, 15, 30)],
    }
    stops = {"p": 2, "k": keys([0, 1, 0, 0, 1, 0, 0, 1], [0, 0, 1, 0, 1, 1, 0, 1])}
    inside = group({"ty": "sh", "ks": path}, {"ty": "fl", "c": keys([1, 0, 0, 1], [0, 1, 0, 1]), "o": keys(100, 20), "r": 2}, STROKE)
    return [
        inside,
        group(
            {"ty": "rc", "s": keys([5, 5], [30, 30]), "p": keys([0, 0], [9, 9], ti=[1, 1], to=[2, 2]), "r": still(0)},
            gradient("gf", 2, g=stops),
        ),
    ]


def picture() -> str:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 99, 199)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def compositions() -> Document:
    inner = [{**shape_layer(every_shape()[:2]), "ind": 1}, {**layer(1, sw=30, sh=20, sc="#ff8800"), "ind": 2, "parent": 1}]
    outer = [
        {**layer(0, refId="inner", w=160, h=90, tm=keys(0, 0.5)), "ind": 1},
        {**layer(2, refId="image"), "ind": 2, "td": 1},
        {**layer(0, refId="inner", w=90, h=90), "ind": 3, "tt": 1},
    ]
    assets = [
        {"id": "inner", "nm": "Inner", "layers": inner},
        {"id": "outer", "layers": outer},
        {"id": "image", "w": 8, "h": 8, "u": "", "p": picture(), "e": 1},
    ]
    split = {"s": True, "x": keys(0, 90), "y": still(45)}
    layers = [
        layer(0, refId="outer", w=160, h=90, ks=place(p=split, r=keys(0, 90)), sr=2, st=-3),
        layer(3, nm="null", ks=place(p=keys([0, 0, 0], [90, 45, 0], ti=[3, 3, 0], to=[-3, 4, 0])), ao=1),
        layer(2, refId="image", parent=2, bm=3, ddd=1, ks=place(rx=still(20), ry=still(10), rz=still(5), **{"or": still([0, 0, 0])})),
        layer(4, shapes=every_shape()[:1], tt=3, tp=3, hd=False),
        layer(6, refId="sound", au={"lv": still([100, 100])}),
    ]
    return document(*layers, assets=assets, markers=[{"cm": "begin", "tm": 0, "dr": 10}])


def masks() -> Document:
    path = bezier([10, 10], [90, 10], [90, 80], [10, 80])
    drawn = [
        {"inv": False, "mode": mode, "pt": still(path), "o": still(100), "x": still(size)}
        for mode, size in (("a", 0), ("s", 4), ("i", 0), ("f", -2))
    ]
    moved = {
        "inv": True,
        "mode": "a",
        "pt": {"a": 1, "k": [{"t": 0, "s": [path]}, {"t": 30, "s": [path]}]},
        "o": keys(100, 30),
        "x": still(0),
    }
    return document(
        shape_layer(every_shape()[:3], masksProperties=drawn, hasMask=True), layer(1, sw=160, sh=90, sc="#00ff00", masksProperties=[moved])
    )


def texts() -> Document:
    source = {
        "s": 20,
        "f": "Any-Regular",
        "t": "Hello wide\rworld",
        "j": 2,
        "tr": 10,
        "lh": 24,
        "ls": 0,
        "fc": [1, 0, 0],
        "sc": [0, 0, 1],
        "sw": 1,
        "of": True,
    }
    boxed = {**source, "sz": [140, 60], "ps": [-70, -30], "t": "in a box", "ca": 1}
    selector = {
        "t": 0,
        "xe": still(0),
        "ne": still(20),
        "a": still(100),
        "b": 1,
        "rn": 0,
        "sh": 2,
        "o": keys(0, 100),
        "r": 1,
        "sm": still(100),
        "s": still(0),
        "e": still(50),
    }
    style = {
        "t": still(3),
        "ls": still(2),
        "fc": still([0, 1, 0, 1]),
        "fo": still(50),
        "sw": still(2),
        "sc": still([1, 1, 0, 1]),
        "so": still(60),
        "o": still(20),
    }
    animator = {"nm": "animator", "s": selector, "a": {**style, "p": still([4, 4]), "s": still([120, 120]), "r": still(10)}}
    first = {"d": {"k": [{"s": source, "t": 0}, {"s": boxed, "t": 15}]}, "p": {}, "m": {"g": 1, "a": still([0, 0])}, "a": [animator]}
    line = {"inv": False, "mode": "n", "pt": still(bezier([0, 40], [80, 20], [150, 40], closed=False)), "o": still(100), "x": still(0)}
    along = {
        "d": {"k": [{"s": source, "t": 0}]},
        "p": {"m": 0, "f": still(4), "l": still(0), "a": still(0), "p": still(0), "r": still(0)},
        "m": {"g": 2, "a": still([0, 0])},
        "a": [],
    }
    glyph = {
        "ch": "H",
        "size": 20,
        "style": "Regular",
        "w": 70,
        "fFamily": "Any",
        "data": {"shapes": [group({"ty": "sh", "ks": still(bezier([0, 0], [50, 0], [50, -70]))})]},
    }
    fonts = {"list": [{"fName": "Any-Regular", "fFamily": "Any", "fStyle": "Regular", "ascent": 75, "origin": 0}]}
    single = {**first, "d": {"k": [{"s": {**source, "t": "HH"}, "t": 0}]}}
    layers = [layer(5, t=first), layer(5, t=along, masksProperties=[line]), layer(5, t=single, nm="own letters")]
    return document(*layers, fonts=fonts, chars=[glyph], slots={"ink": {"p": still([0, 0, 1, 1])}})


def effects() -> Document:
    def effect(kind: int, *held: Any) -> Document:
        return {
            "ty": kind,
            "nm": f"effect {kind}",
            "mn": "ADBE",
            "ix": 1,
            "en": 1,
            "ef": [{"ty": 0, "nm": "value", "v": one} for one in held],
        }

    red, blue = still([1, 0, 0, 1]), still([0, 0, 1, 1])
    controls = effect(5, still(3))
    controls["ef"] += [
        {"ty": 2, "nm": "c", "v": red},
        {"ty": 3, "nm": "p", "v": still([1, 2])},
        {"ty": 7, "nm": "m", "v": still(1)},
        {"ty": 6, "v": 0},
    ]
    zero = still(0)
    found = [
        effect(20, red, blue, still(50)),
        effect(21, zero, zero, red, zero, zero, zero, still(1)),
        effect(23, red, blue, red, still(30)),
        effect(25, blue, keys(90, 200), still(135), still(5), still(4)),
        effect(29, keys(3, 9), still(1), still(0)),
    ]
    stroke = effect(22, still(1), still(1), zero, red, still(3), still(75), still(1), still(0), still(100), zero, still(1))
    mask = {"inv": False, "mode": "a", "pt": still(bezier([10, 10], [90, 10], [90, 80])), "o": still(100), "x": still(0)}
    return document(
        shape_layer(every_shape()[:2], ef=found),
        shape_layer(every_shape()[:1], ef=[controls, stroke], masksProperties=[mask]),
        layer(1, sw=60, sh=60, sc="#123456", ef=found[3:]),
    )


def expressions() -> Document:
    turn = {"a": 0, "k": 0, "x": "var $bm_rt; $bm_rt = time * 90;"}
    follow = {"a": 0, "k": [0, 0], "x": "var $bm_rt; $bm_rt = [thisComp.layer('other').transform.rotation, effect('amount')('value') * 2];"}
    amount = {
        "ty": 5,
        "nm": "amount",
        "mn": "ADBE",
        "ix": 1,
        "en": 1,
        "ef": [{"ty": 0, "nm": "value", "mn": "ADBE", "ix": 1, "v": keys(0, 30)}],
    }
    return document(
        shape_layer(every_shape()[:1], ks=place(r=turn, p=follow), ef=[amount]), shape_layer(moving(), nm="other", ks=place(r=keys(0, 45)))
    )
