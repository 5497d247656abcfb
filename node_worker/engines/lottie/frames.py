"""Frames for pictures: compositions that hold a picture in the pixels in which it is seen, at the very place where it is meant.

The engine draws a picture pixel for pixel if it is neither scaled nor turned, and otherwise half a pixel beside its place; a turned one
to the other side, and half a pixel of its own further (measured with ramps, at scales of 0.5 to 5 and turns of 1 to 300 degrees).
So a picture is brought to the scale in which it is seen before, and what is left is made up for where the view never changes. The
frame cuts its edges.
"""

from typing import Any, NamedTuple

from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.schema import IMAGE, PRECOMP
from node_worker.engines.lottie.upgrade import all_layers
from node_worker.engines.lottie.views import Linear, View
from node_worker.pictures.formats import MAX_SIDE

Document = dict[str, Any]
_SAME = 1e-3  # of a scale: what differs less is drawn as it is
_DENSEST, _MOST_PIXELS = 4.0, 16_000_000  # pixels for one of the document's, and in all, of a picture that is seen enlarged
_ALWAYS = 1e9  # frames
_UPRIGHT = 1e-4  # of a turn's sine: the engine takes what is less for none


class Frame(NamedTuple):
    """A picture's pixels, those of its place, and how far it is moved there."""

    pixels: tuple[int, int]
    place: tuple[int, int]
    edge: int  # pixels that repeat its border, so that its edges are those of the frame
    moved: tuple[float, float]

    def put_round(self, asset: Document) -> Document:
        """The composition that shows an asset; the asset's size becomes its pixels'."""
        across, down = (place / pixels for place, pixels in zip(self.place, self.pixels, strict=True))
        asset["w"], asset["h"] = (side + 2 * self.edge for side in self.pixels)
        transform = {
            "p": {"a": 0, "k": list(self.moved)},
            "a": {"a": 0, "k": [self.edge, self.edge]},
            "s": {"a": 0, "k": [100 * across, 100 * down]},
            "r": {"a": 0, "k": 0},
            "o": {"a": 0, "k": 100},
        }
        layer = {"ty": IMAGE, "nm": "", "refId": asset.get("id"), "ks": transform, "ip": -_ALWAYS, "op": _ALWAYS, "st": 0}
        return {"id": f"flatrender:frame:{asset.get('id')}", "w": self.place[0], "h": self.place[1], "layers": [layer]}


def frame_of(view: View | None, place: tuple[int, int] | None, scale: float) -> Frame | None:
    """The frame that a picture of this place needs in this view; None if the engine draws it right without."""
    if view is None or place is None:
        return None
    seen = view.zoom * scale
    if not seen > 0 or (not view.turned and view.still and abs(seen - 1) < _SAME):
        return None
    dense = min(seen, _DENSEST, MAX_SIDE / max(place), max(1.0, (_MOST_PIXELS / (place[0] * place[1])) ** 0.5))
    pixels = max(1, round(place[0] * dense)), max(1, round(place[1] * dense))
    if not view.turned and not view.moves and abs(view.rest - view.zoom) < _SAME:
        return Frame(pixels, place, 0, (0.0, 0.0))
    if not view.turned:  # it moves, grows or shrinks: half a drawn pixel is right where it rests, or in the middle
        back = -0.5 / (scale * (view.rest or max(view.zoom / 2, (view.zoom * view.least) ** 0.5)))
        if view.moves:  # drawn pixel for pixel it would jump by whole ones
            pixels = pixels[0] + 1, pixels[1] + 1
        return Frame(pixels, place, 1, (back, back))
    if not view.still:  # it turns: what would be right on the way would be wrong at rest, where it is looked at
        return Frame(pixels, place, 1, (0.0, 0.0))
    across, down = (0.5 * side / pixel for side, pixel in zip(place, pixels, strict=True))
    more = _half_pixel(view.still, scale)
    if max(map(abs, view.still[1:3])) < _UPRIGHT:  # mirrored, or on its head
        return Frame(pixels, place, 1, (-more[0], -more[1]))
    return Frame(pixels, place, 1, (across + more[0], down + more[1]))


def put_into_frames(document: Document, framed: dict[str, Document]) -> None:
    """Let layers show the frames instead of the pictures in them."""
    if not framed:
        return
    for layer in all_layers(document):
        frame = framed.get(str(layer.get("refId"))) if layer.get("ty") == IMAGE else None
        if frame is not None:
            layer.update(ty=PRECOMP, refId=frame["id"], w=frame["w"], h=frame["h"])
            layer.pop("tm", None)
    taken = {str(asset.get("id")) for asset in objects(document["assets"])}
    document["assets"].extend(frame for frame in framed.values() if frame["id"] not in taken)


def _half_pixel(still: Linear, scale: float) -> tuple[float, float]:
    """Half a drawn pixel to the right and down, in the picture's own directions."""
    a, b, c, d = (part * scale for part in still)
    area = a * d - b * c
    if abs(area) < 1e-6:
        return 0.0, 0.0
    return 0.5 * (d - c) / area, 0.5 * (a - b) / area
