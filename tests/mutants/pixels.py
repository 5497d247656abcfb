"""Pictures and mixed colours come out as they were meant; and holes, each of which lets one through that does not."""

import base64
import io
import struct
import zlib
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from node_worker.engines.lottie import embed, ground
from node_worker.engines.lottie.ground import Ground
from node_worker.engines.lottie.rewrites import remap
from node_worker.pictures import colour
from node_worker.pictures.decode import decode
from node_worker.pictures.svg import clean, read, values
from tests.mutants.checks import hold


def a_clear_ground_shows_the_background_where_nothing_is() -> None:
    pixels = np.zeros((33, 4, 4), np.uint8)
    pixels[:, :2] = (40, 20, 10, 128)
    Ground((200, 100, 50), clear=True).after(pixels)
    hold(pixels[32, 3].tolist() == [200, 100, 50, 255], "the background is missing")
    hold(np.abs(pixels[0, 0].astype(int) - [139, 69, 34, 255]).max() <= 1, "half of the background is missing")


def light_of_a_png_is_read_from_its_gamma() -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 100, 100)).save(file, "PNG")
    raw, body = file.getvalue(), b"gAMA" + struct.pack(">I", 100_000)
    told = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    hold(decode(raw[:33] + told + raw[33:], "").image.getpixel((1, 1)) == (229, 168, 168), "the gamma is passed over")


def a_drawing_that_reaches_too_far_or_uses_too_much_is_refused() -> None:
    from node_worker.engines.base import TemplateRefused

    head = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
    uses = b"".join(b'<g id="n%d">%s</g>' % (at, b'<use href="#n%d"/>' % (at + 1) * 4) for at in range(6)) + b'<g id="n6"/>'
    for parts in (b'<rect width="1e9" height="5"/>', uses + b'<use href="#n0"/>' * 8):
        try:
            read(head + parts + b"</svg>", "")
        except TemplateRefused:
            continue
        hold(False, "a drawing without end is let through")


def a_freeze_frame_stands() -> None:
    keys = [{"t": 0, "s": [0]}, {"t": 30, "s": [1.0]}, {"t": 60, "s": [1.0]}]
    document: dict[str, Any] = {
        "fr": 30,
        "assets": [{"id": "c", "layers": [{"op": 30}]}],
        "layers": [{"ty": 0, "refId": "c", "op": 30, "tm": {"a": 1, "k": keys}}],
    }
    remap.freeze_frames(document, lambda *_: None)  # type: ignore[arg-type]
    last = document["layers"][0]["tm"]["k"][-1]["s"][0] * 30
    hold(29 <= last < 30, f"the composition is at {last}, where nothing is")


def a_turned_picture_is_framed() -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    layer: dict[str, Any] = {"ty": 2, "refId": "i", "ks": {"r": {"a": 0, "k": 20}}}
    document: dict[str, Any] = {"assets": [{"id": "i", "w": 4, "h": 4, "p": address}], "layers": [layer]}
    embed.embed_pictures(document, [], None, None, {}, 1.0)  # type: ignore[arg-type]
    hold(layer["ty"] == 0, "a turned picture is drawn half a pixel beside its place")


class Hole:
    """Puts something else in a place while it is open."""

    def __init__(self, *places: tuple[Any, str, Any]) -> None:
        self._places = places

    def open(self, stack: ExitStack) -> None:
        for owner, name, other in self._places:
            stack.enter_context(patch.object(owner, name, other))


NOTHING_LAID_UNDER = Hole((ground.Ground, "after", lambda self, into: None))
CHUNKS_PASSED_OVER = Hole((colour, "_by_chunks", lambda image, info: None))
REACHES_UNMEASURED = Hole((clean, "FARTHEST", float("inf")), (values, "FARTHEST", float("inf")))
USES_UNCOUNTED = Hole((clean, "MOST_DRAWN", 10**9))
ENDS_UNSEEN = Hole((remap, "_at_end", lambda *_: False))
VIEWS_UNSEEN = Hole((embed, "frame_of", lambda *_: None))
RED = (
    (a_clear_ground_shows_the_background_where_nothing_is, NOTHING_LAID_UNDER),
    (light_of_a_png_is_read_from_its_gamma, CHUNKS_PASSED_OVER),
    (a_drawing_that_reaches_too_far_or_uses_too_much_is_refused, REACHES_UNMEASURED),
    (a_drawing_that_reaches_too_far_or_uses_too_much_is_refused, USES_UNCOUNTED),
    (a_freeze_frame_stands, ENDS_UNSEEN),
    (a_turned_picture_is_framed, VIEWS_UNSEEN),
)
