"""Changes of a document, each of a kind of its own, chosen by a seed."""
# ruff: noqa: E501 (lists of odd values)

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.documents import bundles, scripts

Document = dict[str, Any]
Place = tuple[Any, Any]  # what holds a value, and its key or index there
Change = Callable[[random.Random, Document], str]

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 255, 256, 65_535, 65_537, 1e-9, 0.5, 4.0, -0.0, 1e7, -1e7, 1e9, -1e30, 1e300, 2**31, -(2**31), 2**63, 10**30,
    "", "0", "a", "ty", "\x00", "x" * 5000, "#ff", [], {}, [[]], [{}], [0], [0, 0], [0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8], [None], ["a"], {"k": 0}, {"k": []},
    {"a": 1, "k": [{"t": 0, "s": [0]}]}, {"k": {"i": [], "o": [], "v": [], "c": True}}, {"sid": "ink"},
)  # fmt: skip
HUGE = (1e5, 1e6, 9e6, -9e6, 1e7, 3e7, 1e12, 1e38, 1e300, -1e300)
TYPES = ("gr", "rc", "el", "sr", "sh", "fl", "st", "gf", "gs", "rd", "tm", "rp", "op", "pb", "zz", "mm", "tr", "tw", "xx")


def packed(raw: bytes, chance: random.Random) -> tuple[bytes, list[str]]:
    """A changed document, one time in six as an archive with a theme, a state machine and pictures, and what was changed."""
    written, told = mutated(raw, chance)
    if chance.random() < 1 / 6:
        written, how = bundles.packed(written, chance, mutated)
        told.append(how)
    return written, told


def mutated(raw: bytes, chance: random.Random) -> tuple[bytes, list[str]]:
    """A changed document, and what was changed."""
    document = json.loads(raw)
    try:
        return _mutated(document, chance)
    except RecursionError:
        return raw, ["too deep to be written"]


def _mutated(document: Document, chance: random.Random) -> tuple[bytes, list[str]]:
    told = [_changed(one, chance, document) for one in chance.choices(CHANGES, WEIGHTS, k=chance.choice((1, 1, 1, 2, 3, 6)))]
    written = json.dumps(document).encode()
    if chance.random() < 0.06:
        written, how = broken(written, chance)
        told.append(how)
    return written, told


def _changed(change: Change, chance: random.Random, document: Document) -> str:
    try:
        return change(chance, document)
    except (TypeError, AttributeError, KeyError):
        return "nothing: what was changed before is no document any more"


def places(document: Document) -> list[Place]:
    """Every value of a document, by what holds it."""

    def below(node: Any) -> Iterator[Place]:
        stack = [node]
        while stack:
            value = stack.pop()
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, part in items:
                yield value, key
                if isinstance(part, (dict, list)):
                    stack.append(part)

    return list(below(document))


def chosen(chance: random.Random, document: Document, fits: Callable[[Any, Any], bool] = lambda key, value: True) -> Place | None:
    """A place whose key and value fit; points of paths, which are many, come up seldom."""
    found = [(holder, key) for holder, key in places(document) if fits(key, holder[key])]
    named = [(holder, key) for holder, key in found if isinstance(key, str)]
    if named and chance.random() < 0.8:
        return chance.choice(named)
    return chance.choice(found) if found else None


def _told(what: str, place: Place | None, value: object = "") -> str:
    return f"{what} {place[1] if place else '-'} {str(value)[:60]}".strip()


def swap_type(chance: random.Random, document: Document) -> str:
    """Another value of another type in some place."""
    place, value = chosen(chance, document), copy.deepcopy(chance.choice(ODD))
    if place is not None:
        place[0][place[1]] = value
    return _told("swap", place, value)


def delete(chance: random.Random, document: Document) -> str:
    place = chosen(chance, document)
    if place is not None:
        del place[0][place[1]]
    return _told("delete", place)


def scale(chance: random.Random, document: Document) -> str:
    """A number that is far larger, negative, or nothing."""
    place = chosen(chance, document, lambda key, value: isinstance(value, (int, float)) and not isinstance(value, bool))
    if place is None:
        return "scale -"
    how = chance.choice(("huge", "negative", "nothing", "times"))
    old = place[0][place[1]]
    new = {"huge": chance.choice(HUGE), "negative": -old, "nothing": 0, "times": old * chance.choice((10, 1000, 0.001))}[how]
    place[0][place[1]] = new
    return _told("scale", place, new)


def graft(chance: random.Random, document: Document) -> str:
    """A part of the document put in the place of another."""
    part, place = chosen(chance, document, lambda key, value: isinstance(value, (dict, list))), chosen(chance, document)
    if part is None or place is None:
        return "graft -"
    place[0][place[1]] = copy.deepcopy(part[0][part[1]])
    return _told("graft", place, part[1])


def repeat(chance: random.Random, document: Document) -> str:
    """An item of a list many times, or a list turned round or emptied."""
    place = chosen(chance, document, lambda key, value: isinstance(value, list) and bool(value))
    if place is None:
        return "repeat -"
    held, how = place[0][place[1]], chance.choice(("many", "reversed", "empty", "first", "twice"))
    item = chance.choice(held)
    if how == "many":
        held += [copy.deepcopy(item) for _ in range(chance.choice((2, 20, 300)))] if len(json.dumps(item)) < 3000 else [item]
    elif how == "reversed":
        held.reverse()
    elif how == "empty":
        held.clear()
    elif how == "first":
        del held[1:]
    else:
        held += copy.deepcopy(held)
    return _told("repeat", place, how)


def cross(chance: random.Random, document: Document) -> str:
    """A reference to something else: another layer, itself, a picture for a composition, a composition for a picture."""
    names = [asset.get("id") for asset in document.get("assets") or () if isinstance(asset, dict)] or ["none"]
    wanted = chance.choice(("refId", "parent", "tp", "tt", "id", "ind", "ty", "td", "m"))
    place = chosen(chance, document, lambda key, value: key == wanted)
    value = chance.choice(names) if wanted in ("refId", "id") else chance.choice((0, 1, 2, 3, 4, 5, 6, 7, 13, -1, 65_537, 4.0))
    if wanted == "ty" and place is not None and isinstance(place[0]["ty"], str):
        value = chance.choice(TYPES)
    if place is None:
        layers = [holder[key] for holder, key in places(document) if key == "layers" and isinstance(holder[key], list)]
        layer = chance.choice([one for many in layers for one in many if isinstance(one, dict)] or [{}])
        layer[wanted] = value
    else:
        place[0][place[1]] = value
    return _told("cross", place, f"{wanted}={value}")


def circle(chance: random.Random, document: Document) -> str:
    """A composition that shows itself, or layers that hang on each other."""
    assets = [one for one in document.get("assets") or () if isinstance(one, dict) and isinstance(one.get("layers"), list)]
    layers = [one for one in document.get("layers") or () if isinstance(one, dict)]
    if assets and chance.random() < 0.5:
        asset = chance.choice(assets)
        asset["layers"].append({"ty": 0, "refId": asset.get("id"), "ip": 0, "op": 99, "st": 0, "ks": {}, "w": 9, "h": 9})
        return "circle of compositions"
    for one, other in zip(layers, layers[1:] + layers[:1], strict=True):
        one[chance.choice(("parent", "tp"))] = other.get("ind", 1)
        one.setdefault("tt", chance.choice((0, 1)))
    return "circle of layers"


def deepen(chance: random.Random, document: Document) -> str:
    """A group in a group in a group, or lists in lists."""
    place = chosen(chance, document, lambda key, value: isinstance(value, (dict, list)))
    if place is None:
        return "deepen -"
    value, depth = place[0][place[1]], chance.choice((3, 40, 140, 290))
    for _ in range(depth):
        value = {"ty": "gr", "it": [value]} if isinstance(value, dict) else [value]
    place[0][place[1]] = value
    return _told("deepen", place, depth)


def shuffle(chance: random.Random, document: Document) -> str:
    """The keys of an object in another order."""
    place = chosen(chance, document, lambda key, value: isinstance(value, dict) and len(value) > 1)
    if place is None:
        return "shuffle -"
    held = list(place[0][place[1]].items())
    chance.shuffle(held)
    place[0][place[1]] = dict(held)
    return _told("shuffle", place)


def add(chance: random.Random, document: Document) -> str:
    """A field of one object in another one."""
    source = chosen(chance, document, lambda key, value: isinstance(key, str))
    target = chosen(chance, document, lambda key, value: isinstance(value, dict))
    if source is None or target is None:
        return "add -"
    target[0][target[1]][source[1]] = copy.deepcopy(source[0][source[1]])
    return _told("add", target, source[1])


def broken(written: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Text that is no JSON any more, or is in another encoding."""
    how = chance.choice(("cut", "nan", "infinity", "bytes", "bom", "utf-16", "utf-16-le", "gzip", "twice", "comma"))
    at = chance.randrange(len(written))
    if how == "cut":
        return written[:at], how
    if how in ("nan", "infinity"):
        return written.replace(b": 0", b": NaN" if how == "nan" else b": Infinity", 1), how
    if how == "bytes":
        return written[:at] + bytes(chance.randrange(256) for _ in range(8)) + written[at:], how
    if how == "bom":
        return b"\xef\xbb\xbf" + written, how
    if how.startswith("utf"):
        return written.decode().encode(how), how
    if how == "gzip":
        import gzip

        return gzip.compress(written), how
    if how == "twice":
        return written.replace(b'"layers":', b'"layers": [], "layers":', 1), how
    return written.replace(b",", b",,", 1), how


def script(chance: random.Random, document: Document) -> str:
    return scripts.script(chance, document, chosen)


def rescript(chance: random.Random, document: Document) -> str:
    return scripts.rescript(chance, document, chosen)


CHANGES: tuple[Change, ...] = (swap_type, delete, scale, graft, repeat, cross, circle, deepen, shuffle, add, script, rescript)
WEIGHTS = (22, 14, 16, 9, 8, 12, 3, 3, 4, 6, 9, 5)
