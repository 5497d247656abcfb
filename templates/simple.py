"""The simplest document that has one of everything: a text, a shape that moves, and two slots."""

import json

from templates.lottie import layers, shapes
from templates.lottie.document import document
from templates.lottie.layers import Place
from templates.lottie.values import SWING, Json, moving, slot

RATE = 30
PAPER, BALL = "#F4EFE6", "#D9485F"


def simple_document(text: str, seconds: float = 2, size: tuple[int, int] = (320, 180)) -> Json:
    """Return a document with a text (`frl_title`), a ball that crosses the frame (slot `primary`) and paper behind it (`background`)."""
    width, height = size
    frames = round(seconds * RATE)
    radius = height * 0.16
    way = moving((0, (radius, height * 0.78)), (frames, (width - radius, height * 0.78)), ease=SWING)
    box = (width * 0.9, height * 0.5)
    title = layers.text(
        "frl_title", text, box, height * 0.18, {"a": 0, "k": [0.133, 0.188, 0.31]}, place=Place(at=(width / 2, height * 0.34))
    )
    ball = layers.shapes(
        "ball", shapes.group("ball", shapes.ellipse((radius * 2, radius * 2)), shapes.fill(slot("primary", BALL))), place=Place(at=way)
    )
    paper = shapes.group("paper", shapes.rectangle(size, (width / 2, height / 2)), shapes.fill(slot("background", PAPER)))
    return document("Simple", size, frames, [title, ball, layers.shapes("paper", paper)], colours={"primary": BALL, "background": PAPER})


def as_json(content: Json) -> bytes:
    """Return a document as the bytes of a `.json` file."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
