"""A wrong document ends no engine; and holes in what is checked, each of which lets one through that does."""

import ctypes
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from node_worker.engines.lottie import LottieEngine, references, structure, weight
from node_worker.engines.lottie.kinds import record
from tests.documents.mutate import Bench, Verdict
from tests.documents.zoo import document, every_shape, layer, picture, shape_layer, still
from tests.mutants.checks import Broken

Document = dict[str, Any]
SCENE: Document = {"id": "scene", "layers": [shape_layer(every_shape()[:1])]}
BOX = every_shape()[0]["it"][0]


async def ends_no_engine(found: Document, engine: str, folder: Path) -> Verdict:
    """Upload and draw a document with an engine. Raises Broken when its process dies."""
    bench = Bench(folder, stall=20.0, engine=engine)
    try:
        verdict = await bench.judge(json.dumps(found).encode())
    finally:
        await bench.close()
    if verdict.kind == "death":
        raise Broken(verdict.detail)
    return verdict


def picture_layer_of_a_composition() -> Document:
    return document(layer(2, refId="scene"), assets=[SCENE])


def composition_layer_of_a_picture() -> Document:
    return document(layer(0, refId="image", w=9, h=9), assets=[{"id": "image", "w": 8, "h": 8, "u": "", "p": picture(), "e": 1}])


def path_without_points() -> Document:
    path = {"ty": "sh", "ks": still({"i": [], "o": [], "v": [], "c": True})}
    offset = {"ty": "op", "a": still(4), "lj": 1, "ml": still(4)}
    return document(shape_layer([path, offset, {"ty": "fl", "c": still([1, 0, 0]), "o": still(100)}]))


def colours_that_are_missing() -> Document:
    gradient = {
        "ty": "gf",
        "t": 1,
        "o": still(100),
        "g": {"p": 900, "k": still([0, 1, 0, 0])},
        "s": still([0, 0]),
        "e": still([9, 9]),
        "r": 1,
    }
    return document(shape_layer([BOX, gradient]))


def star_without_points() -> Document:
    size = {"ir": still(6), "is": still(2), "or": still(15), "os": still(3), "r": still(0)}
    return document(
        shape_layer(
            [{"ty": "sr", "sy": 1, "p": still([0, 0]), "pt": still(-3), **size}, {"ty": "fl", "c": still([1, 0, 0]), "o": still(100)}]
        )
    )


class References(LottieEngine):
    """Nobody looks what a layer refers to."""

    def __init__(self) -> None:
        super().__init__()
        _hole(patch.object(references, "_check_asset", lambda *_: None))


class Paths(LottieEngine):
    """Nobody looks whether a path has points."""

    def __init__(self) -> None:
        super().__init__()
        _hole(patch.object(references, "_check_paths", lambda *_: None))


class Types(LottieEngine):
    """Every value is taken."""

    def __init__(self) -> None:
        super().__init__()
        _hole(patch.object(structure, "SHAPED", record({})), patch.object(structure, "UPLOADED", record({})))


class Weights(LottieEngine):
    """Nothing is counted."""

    def __init__(self) -> None:
        super().__init__()
        _hole(patch.object(structure, "check_weight", lambda _: None), patch.object(weight, "check_weight", lambda _: None))


class Fragile(LottieEngine):
    """Dies of every document that it is to draw."""

    def open(self, *_: Any, **__: Any) -> Any:
        return ctypes.string_at(0)


def _hole(*patches: Any) -> None:
    """Leave something out for as long as the process lives."""
    with ExitStack() as held:
        for one in patches:
            held.enter_context(one)
        held.pop_all()
