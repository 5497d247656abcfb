"""What refers to what in a document, as the drawing engine follows it: assets, parents and track mattes."""

from collections.abc import Iterator
from typing import Any

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import paths
from node_worker.engines.lottie.embed import is_picture
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.reach import widest
from node_worker.engines.lottie.schema import IMAGE, PRECOMP, TEXT

Document = dict[str, Any]
_MOST_PARENTS = 200  # from a layer to the end of its chain: the engine follows it by recursion
_EMPTY = "has no points at some moment, or not as many handles; draw it again"
_NONE = -1  # the engine's word for "no layer"
_COPIES = "rp"
_CHANGED = {"sr": frozenset(("rd", "pb", "op")), "rc": frozenset(("pb", "op")), "el": frozenset(("pb", "op"))}
"""By the shapes that the engine makes into paths: what changes them in such a way that copying them ends it; tried for each pair."""


def check_references(document: Document) -> None:
    """Refuse what the engine would take for something else, or follow without end. Raises TemplateRefused."""
    assets = _assets(document)
    for layers, at in compositions(document):
        for index, layer in enumerate(layers):
            _check_asset(layer, assets, f"{at}[{index}]")
        _check_chains(layers, at)
        for index, layer in enumerate(layers):
            _check_paths(layer, f"{at}[{index}]")


def compositions(document: Document) -> Iterator[tuple[list[Document], str]]:
    """Every composition's layers, with the way to them."""
    yield list(objects(document.get("layers"))), "layers"
    for index, asset in enumerate(objects(document.get("assets"))):
        if "layers" in asset:
            yield list(objects(asset["layers"])), f"assets[{index}].layers"


def label(layer: Document) -> str:
    """A layer's name, for people."""
    name = layer.get("nm")
    return f" ({name[:60]!r})" if isinstance(name, str) and name else ""


def _hash(name: object) -> int:
    """The number by which the engine knows a name (djb2, of 32 bits on some platforms), up to its first U+0000."""
    value = 5381
    for byte in str(name).encode("utf-8", "surrogatepass").split(b"\0")[0]:
        value = (value * 33 + byte) & 0xFFFF_FFFF
    return value


def _assets(document: Document) -> dict[int, Document]:
    """The assets by the engine's number for their names; of two with one name it takes the first."""
    found: dict[int, Document] = {}
    for index, asset in enumerate(objects(document.get("assets"))):
        if "id" not in asset or not ("layers" in asset or is_picture(asset)):
            continue
        other = found.setdefault(_hash(asset["id"]), asset)
        if str(other["id"]) != str(asset["id"]):
            names = f"{str(other['id'])[:40]!r} and {str(asset['id'])[:40]!r}"
            raise _refused(f"assets[{index}].id", f"The engine cannot tell the assets {names} apart; rename one of them")
    return found


def _check_asset(layer: Document, assets: dict[int, Document], at: str) -> None:
    """A layer of compositions must not show a picture, nor one of pictures a composition: the engine does not look."""
    kind, reference = layer.get("ty"), layer.get("refId")
    if not isinstance(reference, str) or kind not in (PRECOMP, IMAGE) or layer.get("hd"):
        return
    asset = assets.get(_hash(reference))
    if asset is None:
        return
    named = reference[:40]
    if str(asset["id"]) != reference:
        raise _refused(f"{at}.refId", f"The engine takes {named!r} for the asset {str(asset['id'])[:40]!r}; rename one of them")
    there = "a composition" if "layers" in asset else "a picture"
    shows, other = ("a picture", PRECOMP) if kind == IMAGE else ("a composition", IMAGE)
    if shows != there:
        remedy = f"give it the id of {shows}, or make it type {other}"
        raise _refused(f"{at}.refId", f"The layer{label(layer)} shows {shows}, but {named!r} is {there}: {remedy}")


def _check_chains(layers: list[Document], at: str) -> None:
    """Follow parents and mattes from every layer; the engine does not notice that it walks in a circle."""
    mattes = mattes_of(layers)
    parents = parents_of(layers, mattes)
    _depths(mattes, at, "tt", "track mattes")
    for index, depth in enumerate(_depths(parents, at, "parent", "parents")):
        if depth > _MOST_PARENTS:
            where = f"{at}[{index}].parent"
            raise TemplateRefused("lottie.too_deep", f"{where}: More than {_MOST_PARENTS} layers hang on each other.", where)


def _depths(links: list[int | None], at: str, field: str, what: str) -> list[int]:
    """How many layers each one's chain has, itself included. Raises TemplateRefused for a circle."""
    depths = [0] * len(links)
    for start in range(len(links)):
        path: dict[int, None] = {}
        index: int | None = start
        while index is not None and not depths[index]:
            if index in path:
                where = f"{at}[{start}].{field}"
                raise TemplateRefused("lottie.circle", f"{where}: The layers' {what} form a circle.", where)
            path[index] = None
            index = links[index]
        depth = 0 if index is None else depths[index]
        for one in reversed(path):
            depth += 1
            depths[one] = depth
    return depths


def _short(value: object, default: int = _NONE) -> int:
    """A whole number as the engine keeps it, in 16 bits."""
    number = value if isinstance(value, int) else default
    return (number + 0x8000) % 0x1_0000 - 0x8000


def mattes_of(layers: list[Document]) -> list[int | None]:
    """Each layer's track matte, by its place in the list."""
    return [_matte(layers, index) for index in range(len(layers))]


def _matte(layers: list[Document], index: int) -> int | None:
    """The layer that masks another: the one that it names, else the one above."""
    layer = layers[index]
    if not layer.get("tt"):
        return None
    named = _short(layer.get("tp"))
    if named == _NONE:
        return index - 1 if index else None
    return next((other for other, one in enumerate(layers) if _short(one.get("ind")) == named), None)


def parents_of(layers: list[Document], mattes: list[int | None]) -> list[int | None]:
    """Each layer's parent, found in the engine's order: its own matte, then the list's layers, and behind each one its matte.

    A layer is passed over when it is asked itself, but not when it is found as the matte of another: then it is its own parent.
    """
    indices: dict[int, list[tuple[int, int]]] = {}  # who is asked, and who is found
    for index, layer in enumerate(layers):
        indices.setdefault(_short(layer.get("ind")), []).append((index, index))
        if (matte := mattes[index]) is not None:
            indices.setdefault(_short(layers[matte].get("ind")), []).append((index, matte))
    found: list[int | None] = []
    for index, layer in enumerate(layers):
        wanted = _short(layer.get("parent"))
        matte = mattes[index]
        if wanted == _NONE:
            found.append(None)
        elif matte is not None and _short(layers[matte].get("ind")) == wanted:
            found.append(matte)
        else:
            found.append(next((other for asked, other in indices.get(wanted, ()) if asked != index), None))
    return found


def _check_paths(layer: Document, at: str) -> None:
    """A text that follows a mask needs a path there to follow, and a mask or path that is widened one to widen."""
    for index, mask in enumerate(objects(layer.get("masksProperties"))):
        if widest(mask.get("x")) and not all(map(paths.is_drawn, paths.moments(mask.get("pt")))):
            where = f"{at}.masksProperties[{index}].pt"
            raise _refused(where, f"A mask of the layer{label(layer)} is widened, but its path {_EMPTY}")
    _check_offset(layer.get("shapes"), f"{at}.shapes", layer, widened=False)
    _check_copies(layer.get("shapes"), f"{at}.shapes", layer, frozenset())
    text = layer.get("t") if layer.get("ty") == TEXT else None
    follow = text.get("p") if isinstance(text, dict) else None
    masks = layer.get("masksProperties")
    if not isinstance(follow, dict) or not isinstance(masks, list):
        return
    index = follow.get("m", _NONE)
    if isinstance(index, int) and 0 <= index < len(masks) and not all(map(paths.is_drawn, paths.moments(masks[index].get("pt")))):
        at = f"{at}.masksProperties[{index}].pt"
        raise _refused(at, f"The text{label(layer)} follows a mask whose path {_EMPTY}")


def _check_offset(items: Any, at: str, layer: Document, *, widened: bool) -> None:
    """Look at the paths that stand before an offset, in groups too."""
    last = max((index for index, item in enumerate(objects(items)) if item.get("ty") == "op"), default=-1)
    for index, item in enumerate(objects(items)):
        under = widened or index < last
        if item.get("ty") == "gr":
            _check_offset(item.get("it"), f"{at}[{index}].it", layer, widened=under)
        elif under and item.get("ty") == "sh" and not all(map(paths.is_drawn, paths.moments(item.get("ks")))):
            raise _refused(f"{at}[{index}].ks", f"A path of the layer{label(layer)} is offset, but {_EMPTY}, or take it out")


def _check_copies(items: Any, at: str, layer: Document, behind: frozenset[str]) -> None:
    """Look for shapes that the engine makes into a path, changes and repeats, by what stands behind them, in groups too: it ends then."""
    found = list(objects(items))
    for index in reversed(range(len(found))):
        item, kind = found[index], str(found[index].get("ty"))
        if item.get("hd"):
            continue
        if kind == "gr":
            _check_copies(item.get("it"), f"{at}[{index}].it", layer, behind)
        elif _COPIES in behind and behind & _CHANGED.get(kind, frozenset()):
            detail = f"The shape{label(item)} of the layer{label(layer)} is changed like a path, and repeated: make it a path"
            raise _refused(f"{at}[{index}]", detail)
        behind |= {kind}


def _refused(at: str, detail: str) -> TemplateRefused:
    return TemplateRefused("lottie.bad_reference", f"{at}: {detail}.", at)
