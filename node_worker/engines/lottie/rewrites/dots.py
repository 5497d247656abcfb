"""Makes paths that are one point hardly longer: the engine draws no caps where there is no length, as in the dot of an "i".

After Effects, and SVG (painting, "zero-length path segments"), draw the round or square ends of such a path as a dot.
"""

from typing import Any

from node_worker.engines.lottie import sampling
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.rewrites.parts import kind_of, shape_layers, shape_lists

Document = dict[str, Any]
_HARDLY = 0.01  # pixels of a path's length: enough to be drawn, too little to be seen
_MOST_POINTS = 16  # of a path at one place


def dots(document: Document, report: Report) -> None:
    """Lengthen every path that stays one point."""
    for layer in shape_layers(document):
        for items in shape_lists(layer["shapes"]):
            for item in objects(items):
                if kind_of(item) == "sh":
                    paths = _paths(item.get("ks"))
                    if paths and all(map(_is_dot, paths)):
                        for path in paths:
                            _lengthen(path)


def _paths(prop: object) -> list[Document]:
    """All paths of a property; none if some of it cannot be read."""
    frames = sampling.keyframes(prop)
    held = [frame[end] for frame in frames for end in ("s", "e") if frame.get(end) is not None] if frames else [_still(prop)]
    paths = [path[0] if isinstance(path, list) and path else path for path in held]
    found: list[Document] = [path for path in paths if isinstance(path, dict)]
    return found if len(found) == len(paths) else []


def _still(prop: object) -> object:
    return prop.get("k") if isinstance(prop, dict) else None


def _is_dot(path: Document) -> bool:
    points = path.get("v")
    if not isinstance(points, list) or not 0 < len(points) <= _MOST_POINTS:
        return False
    if not all(isinstance(point, list) and len(point) >= 2 and all(number(part) == part for part in point[:2]) for point in points):
        return False
    handles = [handle for side in ("i", "o") for handle in (path.get(side) or ())] if _has_lists(path) else [[1]]
    return all(point[:2] == points[0][:2] for point in points) and not any(any(handle) for handle in handles if isinstance(handle, list))


def _has_lists(path: Document) -> bool:
    return all(isinstance(path.get(side) or [], list) for side in ("i", "o"))


def _lengthen(path: Document) -> None:
    x, y = path["v"][0][:2]
    count = max(2, len(path["v"]))
    path["v"] = [[x, y] for _ in range(count - 1)] + [[x + _HARDLY, y]]
    path.update(i=[[0, 0] for _ in range(count)], o=[[0, 0] for _ in range(count)], c=False)
