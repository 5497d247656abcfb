"""Small Lottie documents and bundles for tests and measurements; the hostile ones come from `templates.hostile`."""

from math import cos, pi, sin

from templates.bundle import dot_lottie
from templates.computed import computed_document
from templates.hostile import crash_candidates
from templates.lottie import layers, shapes
from templates.lottie.document import document
from templates.lottie.layers import Place
from templates.lottie.values import Json, moving, slot
from templates.simple import RATE, as_json, simple_document

__all__ = ["computed", "crash_candidates", "heavy", "many_scenes", "simple"]

_NIGHT = "#22304F"


def simple(text: str, seconds: float = 2, size: tuple[int, int] = (320, 180)) -> bytes:
    """Return `simple_document` as Lottie JSON."""
    return as_json(simple_document(text, seconds, size))


def computed(text: str, seconds: float = 2, size: tuple[int, int] = (320, 180)) -> bytes:
    """Return `computed_document` as Lottie JSON."""
    return as_json(computed_document(text, seconds, size))


def many_scenes(count: int, seconds: float = 1, size: tuple[int, int] = (320, 180)) -> bytes:
    """Return a `.lottie` of scenes `scene-001` …, each with its own text and the shared slots."""
    names = [f"scene-{number:03}" for number in range(1, count + 1)]
    return dot_lottie({name: simple_document(name, seconds, size) | {"nm": name} for name in names})


def heavy(seconds: float = 2, size: tuple[int, int] = (1920, 1080), layer_count: int = 8) -> bytes:
    """Return a document whose every frame costs much: large matted gradients that turn around each other."""
    width, height = size
    frames = round(seconds * RATE)
    stack: list[Json] = []
    for index in range(layer_count):
        angle = 2 * pi * index / layer_count
        at = (width / 2 + width * 0.28 * cos(angle), height / 2 + height * 0.28 * sin(angle))
        light = shapes.fade((0, 0), (height * 0.5, 0), ((0, 0.5), (1, 0)), radial=True)
        turn = Place(at=at, turn=moving((0, 0), (frames, 360)), scale=(160, 90))
        matte = layers.shapes(f"matte {index}", shapes.group("matte", shapes.ellipse((height, height)), light), place=turn)
        colour = {"a": 0, "k": [round(0.5 + 0.5 * cos(angle + shift), 4) for shift in (0, 2, 4)]}
        sheet = shapes.group("sheet", shapes.rectangle(size, (width / 2, height / 2)), shapes.fill(colour))
        stack += layers.matted(layers.shapes(f"sheet {index}", sheet), matte)
    paper = shapes.group("paper", shapes.rectangle(size, (width / 2, height / 2)), shapes.fill(slot("background", _NIGHT)))
    return as_json(document("Heavy", size, frames, [*stack, layers.shapes("paper", paper)], colours={"background": _NIGHT}))
