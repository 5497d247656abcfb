"""Glyph outlines as Lottie paths."""

from collections.abc import Iterable
from typing import Any

Point = tuple[float, float]


class Contour:
    """One closed path: vertices with their tangents, which are relative to the vertex."""

    __slots__ = ("ins", "outs", "points")

    def __init__(self, start: Point) -> None:
        self.points, self.ins, self.outs = [start], [(0.0, 0.0)], [(0.0, 0.0)]

    def curve(self, first: Point, second: Point, end: Point) -> None:
        """Go on to `end` by a cubic curve with absolute control points."""
        last = self.points[-1]
        self.outs[-1] = (first[0] - last[0], first[1] - last[1])
        self.points.append(end)
        self.ins.append((second[0] - end[0], second[1] - end[1]))
        self.outs.append((0.0, 0.0))

    def close(self) -> None:
        """Drop a last vertex that repeats the first one."""
        if len(self.points) > 1 and self.points[-1] == self.points[0]:
            self.ins[0] = self.ins[-1]
            for values in (self.points, self.ins, self.outs):
                values.pop()

    def shape(self, x: float, y: float, scale: float) -> dict[str, Any]:
        """A Lottie path item, scaled and then moved."""

        def rounded(values: list[Point], x: float = 0.0, y: float = 0.0) -> list[list[float]]:
            return [[round(a * scale + x, 3), round(b * scale + y, 3)] for a, b in values]

        path = {"i": rounded(self.ins), "o": rounded(self.outs), "v": rounded(self.points, x, y), "c": True}
        return {"ty": "sh", "ks": {"a": 0, "k": path}}


def bounds(contours: Iterable[Contour]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of contours' points; zeros where there are none."""
    points = [point for contour in contours for point in contour.points]
    if not points:
        return 0.0, 0.0, 0.0, 0.0
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


class Pen:
    """Receives an outline from HarfBuzz, in font units with y upwards."""

    def __init__(self, scale: float) -> None:
        self.contours: list[Contour] = []
        self._scale = scale

    def _point(self, point: Point) -> Point:
        return point[0] * self._scale, -point[1] * self._scale

    def moveTo(self, point: Point) -> None:
        """Begin a contour."""
        self.contours.append(Contour(self._point(point)))

    def lineTo(self, point: Point) -> None:
        """A straight segment."""
        end = self._point(point)
        self.contours[-1].curve(self.contours[-1].points[-1], end, end)

    def qCurveTo(self, control: Point, point: Point) -> None:
        """A quadratic segment, raised to a cubic one."""
        start, middle, end = self.contours[-1].points[-1], self._point(control), self._point(point)
        first = (start[0] + (middle[0] - start[0]) * 2 / 3, start[1] + (middle[1] - start[1]) * 2 / 3)
        second = (end[0] + (middle[0] - end[0]) * 2 / 3, end[1] + (middle[1] - end[1]) * 2 / 3)
        self.contours[-1].curve(first, second, end)

    def curveTo(self, first: Point, second: Point, point: Point) -> None:
        """A cubic segment."""
        self.contours[-1].curve(self._point(first), self._point(second), self._point(point))

    def closePath(self) -> None:
        """End the contour."""
        self.contours[-1].close()
