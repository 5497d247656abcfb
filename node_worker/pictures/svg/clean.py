"""Writes an SVG anew from the parts that are known: nothing of the original passes that was not read and written here."""

import math
import re
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from node_worker.engines.base import TemplateRefused
from node_worker.pictures.svg import values
from node_worker.pictures.svg.drawing import Drawing
from node_worker.pictures.svg.embedded import embedded
from node_worker.pictures.svg.gradients import GRADIENTS, gradient
from node_worker.pictures.svg.source import Node, complex_
from node_worker.pictures.svg.style import Declarations, Sheet
from node_worker.pictures.svg.values import FARTHEST, IDENTITY, Matrix, written

MOST_DRAWN = 20_000  # parts, with every use of a part counted
_DEEPEST = 100
_MOST_DASHES = 100_000
_MOST_LETTERS = 3 << 20  # of all paths, with every use counted
_SOFTEST = 200.0  # pixels of blur
_MOST_SOFT = 50  # parts that are blurred, with every use counted: each takes 40 ns for every pixel of the whole drawing

_CONTAINERS = ("g", "a", "switch")
_DEFINED = ("defs", "symbol", "linearGradient", "radialGradient", "clipPath", "mask", "filter", "pattern", "marker", "style")
# Said of a drawing, or moving it: its still picture is the same without.
_SILENT = (
    "title",
    "desc",
    "metadata",
    "script",
    "animate",
    "animateTransform",
    "animateMotion",
    "animateColor",
    "set",
    "view",
    "cursor",
    "font",
)
_ACROSS, _DOWN, _ROUND = ("x", "x1", "x2", "cx", "fx", "rx", "width"), ("y", "y1", "y2", "cy", "fy", "ry", "height"), ("r", "fr")
_GEOMETRY = {
    "rect": ("x", "y", "width", "height", "rx", "ry"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "line": ("x1", "y1", "x2", "y2"),
    "polyline": (),
    "polygon": (),
    "path": (),
}
_WORDS = {
    "fill-rule": ("nonzero", "evenodd"),
    "clip-rule": ("nonzero", "evenodd"),
    "stroke-linecap": ("butt", "round", "square"),
    "stroke-linejoin": ("miter", "round", "bevel"),
    "mask-type": ("alpha", "luminance"),
}
_NUMERIC = ("stroke-width", "stroke-miterlimit", "stroke-dashoffset")
_OPACITIES = ("opacity", "fill-opacity", "stroke-opacity", "stop-opacity")
_URL = re.compile(r"""url\(\s*["']?#([^"')]+)["']?\s*\)\s*(.*)""", re.DOTALL)
_RATIO = re.compile(r"none|x(Min|Mid|Max)Y(Min|Mid|Max)(\s+(meet|slice))?")
_UNITS = ("userSpaceOnUse", "objectBoundingBox")


def rebuilt(root: Node, field: str) -> Drawing:
    """The drawing as it can be drawn. Raises TemplateRefused picture.svg_complex."""
    return _Rebuilder(root, field).drawing()


class Above(NamedTuple):
    """What a part takes over from those that hold it and cannot be left to the library."""

    colour: str = "black"  # for currentColor
    dashes: str = ""  # those of a group are checked for each shape

    def with_(self, style: Declarations) -> "Above":
        """What the children of a part with this style take over."""
        colour, dashes = style.get("color", "inherit"), style.get("stroke-dasharray", "inherit")
        return Above(
            self.colour if colour.lower() in ("inherit", "currentcolor") else colour, self.dashes if dashes == "inherit" else dashes
        )


class _Rebuilder:
    """Walks the original once for each use of its parts."""

    def __init__(self, root: Node, field: str) -> None:
        self._root, self._field = root, field
        self._ids: dict[str, Node] = {}
        for node in root.walk():
            self._ids.setdefault(node.attributes.get("id", ""), node)
        self._sheet = Sheet(root, field)
        self._missing: dict[str, None] = {}
        self._definitions: list[str] = []
        self._known: dict[tuple[str, str], str] = {}
        self._open: list[Node] = []  # what is being written, so that nothing holds itself
        self._paths: dict[Node, tuple[str, float, int]] = {}
        self._count = self._letters = self._soft = 0
        box = values.numbers(root.attributes.get("viewBox", ""))
        self._box = tuple(box[:4]) if len(box) >= 4 and min(box[2:4]) > 0 else None

    def drawing(self) -> Drawing:
        across, down = (self._box[2], self._box[3]) if self._box else (300.0, 150.0)
        width = values.length(self._root.attributes.get("width"), across) or 0.0
        height = values.length(self._root.attributes.get("height"), down) or 0.0
        if width <= 0 and height <= 0:
            width, height = across, down
        elif min(width, height) <= 0:  # one side is told: the other follows the drawing's shape
            width, height = (width, width * down / across) if width > 0 else (height * across / down, height)
        box = self._box or (0.0, 0.0, width, height)
        self._side = box[2], box[3]
        if not all(1e-3 <= side <= 1e5 for side in (width, height, *box[2:])) or max(map(abs, box)) > FARTHEST:
            raise complex_(self._field, "has an impossible size")
        own = self._sheet.of(self._root)
        inside = self._children(self._root, IDENTITY, Above().with_(own))
        style = self._attributes(self._root, own, Above().with_(own), IDENTITY, shape=None)
        ratio = self._root.attributes.get("preserveAspectRatio", "")
        kept = f' preserveAspectRatio="{ratio.strip()}"' if _RATIO.fullmatch(ratio.strip()) else ""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{written(width)}"'
        view = " ".join(map(written, box))
        body = f"<defs>{''.join(self._definitions)}</defs><g{style}>{inside}</g>"
        text = f'{head} height="{written(height)}" viewBox="{view}"{kept}>{body}</svg>'
        return Drawing(text.encode(), (width, height), tuple(self._missing))

    def _children(self, node: Node, matrix: Matrix, above: Above) -> str:
        chosen = node.children
        if node.tag == "switch":  # the first that is drawn, as for a reader without special features
            chosen = [child for child in chosen if child.tag in (*_CONTAINERS, *_GEOMETRY, "use", "image", "svg")][:1]
        return "".join(self._node(child, matrix, above) for child in chosen)

    def _node(self, node: Node, matrix: Matrix, above: Above) -> str:
        if node.tag in _DEFINED or node.tag in _SILENT or node.tag.startswith("?"):
            return ""
        style = self._sheet.of(node)
        if style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse"):
            return ""
        if node.tag in ("text", "textPath", "tspan"):
            if any(one.text.strip() for one in node.walk()):
                self._missing["text that is not turned into outlines"] = None
            return ""
        self._count += 1
        if self._count > MOST_DRAWN or len(self._open) > _DEEPEST:
            raise complex_(self._field, f"draws more than {MOST_DRAWN} parts, each use counted")
        if node in self._open:
            return ""
        self._open.append(node)
        try:
            return self._known_node(node, style, times_own(matrix, style), above)
        finally:
            self._open.pop()

    def _known_node(self, node: Node, style: Declarations, matrix: Matrix, above: Above) -> str:
        above = above.with_(style)
        if node.tag in _GEOMETRY:
            return self._shape(node, style, matrix, above)
        if node.tag in _CONTAINERS:
            return f"<g{self._attributes(node, style, above, matrix, shape=None)}>{self._children(node, matrix, above)}</g>"
        if node.tag == "svg":
            return self._framed(node, node, style, matrix, above)
        if node.tag == "use":
            target = self._ids.get(node.attributes.get("href", "").strip().removeprefix("#"))
            if target is None or not node.attributes.get("href", "").strip().startswith("#"):
                self._missing["parts of other files"] = None
                return ""
            return self._framed(node, target, style, matrix, above)
        if node.tag == "image":
            return self._image(node, style, matrix, above)
        self._missing[f"<{node.tag[:40]}>"] = None
        return ""

    def _framed(self, place: Node, target: Node, style: Declarations, matrix: Matrix, above: Above) -> str:
        """A part that is used elsewhere, or a drawing within the drawing: moved, and scaled from its own box to its size there."""
        x, y = (values.length(place.attributes.get(name), side) or 0.0 for name, side in zip(("x", "y"), self._side, strict=True))
        inner: Matrix = (1.0, 0.0, 0.0, 1.0, x, y)
        box = values.numbers(target.attributes.get("viewBox", ""))
        if target.tag in ("svg", "symbol") and len(box) >= 4 and min(box[2:4]) > 0:
            sides = [
                values.length(place.attributes.get(name) or target.attributes.get(name), side) or side
                for name, side in zip(("width", "height"), self._side, strict=True)
            ]
            scale = min(sides[0] / box[2], sides[1] / box[3])
            left, top = (side - part * scale for side, part in zip(sides, box[2:4], strict=True))
            inner = values.times(inner, (scale, 0.0, 0.0, scale, left / 2 - box[0] * scale, top / 2 - box[1] * scale))
        moved = values.times(matrix, inner)
        inside = target is place or target.tag == "symbol"
        content = self._children(target, moved, above) if inside else self._node(target, moved, above)
        outer = self._attributes(place, style, above, matrix, shape=None)
        return f'<g{outer}><g transform="matrix({" ".join(map(written, inner))})">{content}</g></g>'

    def _shape(self, node: Node, style: Declarations, matrix: Matrix, above: Above) -> str:
        own: list[str] = []
        far, pieces = 0.0, 4
        if node.tag == "path":
            text, far, pieces = self._path(node)
            own.append(f' d="{text}"')
        elif node.tag in ("polyline", "polygon"):
            points = values.numbers(node.attributes.get("points", ""))
            points = points[: len(points) // 2 * 2]
            self._write(10 * len(points))
            far, pieces = max(map(abs, points), default=0.0), len(points)
            own.append(f' points="{" ".join(map(written, points))}"')
        for name in _GEOMETRY[node.tag]:
            found = values.length(node.attributes.get(name), self._whole(name))
            if found is not None:
                far += abs(found)
                own.append(f' {name}="{written(found)}"')
        far += values.length(style.get("stroke-width"), self._whole("r")) or 1.0
        self._check(matrix, far)
        return f"<{node.tag}{''.join(own)}{self._attributes(node, style, above, matrix, shape=(far, pieces))}/>"

    def _path(self, node: Node) -> tuple[str, float, int]:
        """A path's text, reach and pieces; it is read once, however often it is used, but counts each time."""
        self._write(len(node.attributes.get("d", "")))
        if node not in self._paths:
            self._paths[node] = values.path(node.attributes.get("d", ""))
        return self._paths[node]

    def _write(self, letters: int) -> None:
        self._letters += letters
        if self._letters > _MOST_LETTERS:
            raise complex_(self._field, "has too many, or too large paths")

    def _whole(self, name: str) -> float:
        """What per cent of a length are of."""
        across, down = self._side
        return across if name in _ACROSS else down if name in _DOWN else math.hypot(across, down) / math.sqrt(2)

    def _check(self, matrix: Matrix, far: float) -> None:
        a, b, c, d, e, f = matrix
        if not max(abs(a) + abs(c), abs(b) + abs(d)) * far + max(abs(e), abs(f)) <= FARTHEST:
            raise complex_(self._field, f"reaches more than {FARTHEST:.0e} pixels from its zero")

    def _attributes(self, node: Node, style: Declarations, above: Above, matrix: Matrix, shape: tuple[float, int] | None) -> str:
        """A part's properties as attributes; `shape` is how far a shape goes and in how many pieces, None for what is none."""
        found: dict[str, str] = {}
        if "transform" in style and node is not self._root:
            found["transform"] = f"matrix({' '.join(map(written, values.transform(style['transform'])))})"
        for name in ("fill", "stroke"):
            if name in style:
                self._paint(found, name, style[name], above, matrix)
        for name, words in _WORDS.items():
            if style.get(name) in words:
                found[name] = style[name]
        for name in _OPACITIES:
            given = values.length(style.get(name), 1.0)
            if given is not None:
                found[name] = written(min(1.0, max(0.0, given)) * float(found.get(name, 1.0)))
        for name in _NUMERIC:
            given = values.length(style.get(name), self._whole("r"))
            if given is not None and (given >= 0 or name == "stroke-dashoffset"):
                found[name] = written(given)
        self._dashes(found, above.with_(style).dashes, shape)
        for name, tags in (("clip-path", ("clipPath",)), ("mask", ("mask",)), ("filter", ("filter",))):
            self._reference(found, name, style.get(name), tags, matrix, above)
        if style.get("mix-blend-mode", "normal") != "normal":
            self._missing["blend modes"] = None
        if any(style.get(name, "none") != "none" for name in ("marker", "marker-start", "marker-mid", "marker-end")):
            self._missing["markers (heads of arrows)"] = None
        return "".join(f" {name}={quoteattr(value)}" for name, value in found.items())

    def _dashes(self, found: dict[str, str], dashes: str, shape: tuple[float, int] | None) -> None:
        """A line's dashes, if they are not too many for its length; those of a group are not known to be, so each shape has its own."""
        given = [abs(value) for value in values.numbers(dashes)]
        if shape is None or sum(given) <= 0 or len(given) > 100:
            return
        if shape[0] * 4 * shape[1] > _MOST_DASHES * sum(given):
            raise complex_(self._field, f"has a line of more than {_MOST_DASHES} dashes")
        found["stroke-dasharray"] = " ".join(map(written, given))

    def _paint(self, found: dict[str, str], name: str, value: str, above: Above, matrix: Matrix) -> None:
        match = _URL.match(value)
        if match:
            reference = self._definition(match[1], ("linearGradient", "radialGradient"), matrix, above)
            if reference and any(node.tag == "mask" for node in self._open):
                self._missing["gradients inside masks"] = None  # the library draws nothing there
            if reference:
                found[name] = f"url(#{reference})"
                return
            target = self._ids.get(match[1])
            if target is not None and target.tag == "pattern":
                self._missing["patterns"] = None
            value = match[2].strip() or "none"
        if value == "none":
            found[name] = "none"
        elif value not in ("inherit", ""):
            parsed = values.colour(above.colour if value.lower() == "currentcolor" else value)
            if parsed:
                found[name] = parsed[0]
                if parsed[1] < 1:
                    found[f"{name}-opacity"] = written(parsed[1])

    def _reference(self, found: dict[str, str], name: str, value: str | None, tags: tuple[str, ...], matrix: Matrix, above: Above) -> None:
        match = _URL.match(value) if value else None
        if match:
            reference = self._definition(match[1], tags, matrix, above)
            if reference:
                found[name] = f"url(#{reference})"
                self._soft += name == "filter"
            if self._soft > _MOST_SOFT:
                raise complex_(self._field, f"blurs more than {_MOST_SOFT} parts")
        elif value and value not in ("none", "inherit", "initial"):
            self._missing[name] = None

    def _definition(self, name: str, tags: tuple[str, ...], matrix: Matrix, above: Above) -> str:
        """Write what others refer to once, and answer its new name; "" if it is not there or holds itself."""
        node = self._ids.get(name)
        if node is None or node.tag not in tags or node in self._open:
            return ""
        # What a mask or clip holds is drawn for each use, so it counts for each.
        if node.tag in GRADIENTS or node.tag == "filter":
            known = self._known.get((name, above.colour))
            if known is None:
                known = self._known[name, above.colour] = self._define(node, matrix, above)
            return known
        self._open.append(node)
        try:
            return self._define(node, matrix, above)
        finally:
            self._open.pop()

    def _define(self, node: Node, matrix: Matrix, above: Above) -> str:
        if node.tag in GRADIENTS:
            body = gradient(node, self._ids, self._sheet, self._whole, above.colour)
            self._count += body.count("<stop ")
        elif node.tag == "filter":
            body = self._filter(node)
        else:
            units = "clipPathUnits" if node.tag == "clipPath" else "maskContentUnits"
            given = [f' {name}="{node.attributes[name]}"' for name in (units, "maskUnits") if node.attributes.get(name) in _UNITS]
            for name in ("x", "y", "width", "height") if node.tag == "mask" else ():
                own = values.length(node.attributes.get(name), self._whole(name) if node.attributes.get("maskUnits") == _UNITS[0] else 1.0)
                if own is not None and abs(own) <= FARTHEST:
                    given.append(f' {name}="{written(own)}"')
            style = self._sheet.of(node)
            inner = self._children(node, times_own(matrix, style), above)
            body = f"<{node.tag} id=%s{''.join(given)}{self._attributes(node, style, above, matrix, shape=None)}>{inner}</{node.tag}>"
        if not body:
            return ""
        name = f"d{len(self._definitions)}"
        self._definitions.append(body.replace("id=%s", f'id="{name}"', 1))
        return name

    def _filter(self, node: Node) -> str:
        steps = [child for child in node.children if child.tag.startswith("fe")]
        if len(steps) != 1 or steps[0].tag != "feGaussianBlur":
            self._missing["filters other than blur (shadows, colours)"] = None
            return ""
        soft = values.numbers(steps[0].attributes.get("stdDeviation", ""))[:2]
        if not soft or max(soft) <= 0:
            return ""
        if max(soft) > _SOFTEST:
            raise complex_(self._field, f"has a blur of more than {_SOFTEST:.0f} pixels")
        return f'<filter id=%s><feGaussianBlur stdDeviation="{" ".join(map(written, soft))}"/></filter>'

    def _image(self, node: Node, style: Declarations, matrix: Matrix, above: Above) -> str:
        """A picture inside the drawing, laid into its box; one that lies outside of the file is not looked for."""
        sides = {name: values.length(node.attributes.get(name), self._whole(name)) or 0.0 for name in ("x", "y", "width", "height")}
        try:
            image = embedded(node, sides, self._field)
        except TemplateRefused:
            self._missing["pictures that cannot be decoded"] = None
            return ""
        if image is None:
            self._missing["pictures of other files"] = None
            return ""
        self._check(matrix, sum(map(abs, sides.values())))
        self._write(len(image) // 10)
        place = "".join(f' {name}="{written(value)}"' for name, value in sides.items())
        return f'<image{place}{self._attributes(node, style, above, matrix, shape=None)} xlink:href="{image}"/>'


def times_own(matrix: Matrix, style: Declarations) -> Matrix:
    """A part's transformation from its own pixels to the drawing's."""
    return values.times(matrix, values.transform(style["transform"])) if "transform" in style else matrix
