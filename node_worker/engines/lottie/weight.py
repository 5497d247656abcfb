"""What drawing a document costs: layers and shapes with all their uses, which may multiply without making the file larger."""

from typing import Any, NamedTuple

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import paths
from node_worker.engines.lottie.guard import objects
from node_worker.engines.lottie.reach import reach, widest
from node_worker.engines.lottie.schema import PRECOMP

Document = dict[str, Any]
_MAX_PRECOMP_DEPTH = 48
_MAX_LAYERS, _MAX_SHAPES = 50_000, 500_000  # with every use of a composition and every repeater's copy counted
_MAX_COPIES, _MAX_POINTS = 10_000, 10_000
_MAX_DASHES = 100_000  # of one line
_SHORTEST_DASH = 1e-4  # pixels; the engine draws none that are shorter
_PAINTS = ("fl", "st", "gf", "gs")


class Weight(NamedTuple):
    """What a composition draws, and how deep others are nested in it."""

    layers: int = 0
    shapes: int = 0
    depth: int = 0


def check_weight(document: Document) -> None:
    """Refuse circles of compositions, and an explosion of parts. Raises TemplateRefused."""
    _Scale(document).weigh(document["layers"])


class _Scale:
    """Weighs each composition once, and each one's parts."""

    def __init__(self, document: Document) -> None:
        self._precomps: dict[str, list[Document]] = {}
        for asset in objects(document.get("assets")):
            if "layers" in asset:
                self._precomps.setdefault(str(asset.get("id")), asset["layers"])
        self._known: dict[str, Weight] = {}
        self._open: list[str] = []
        for key in self._precomps:
            self._use(key)

    def _use(self, key: str) -> Weight:
        if key in self._open:
            raise TemplateRefused("lottie.circle", f"The composition {key[:80]!r} contains itself.")
        if len(self._open) > _MAX_PRECOMP_DEPTH:
            raise TemplateRefused("lottie.too_deep", f"Compositions are nested more than {_MAX_PRECOMP_DEPTH} deep.")
        if key not in self._known:
            self._open.append(key)
            self._known[key] = self.weigh(self._precomps[key])
            self._open.pop()
        return self._known[key]

    def weigh(self, layers: list[Document]) -> Weight:
        """The weight of a list of layers, with all that they show."""
        count, shapes, depth = len(layers), 0, 0
        for layer in layers:
            items = layer.get("shapes")
            if isinstance(items, list):
                shapes += _shapes(items)
            reference = layer.get("refId")
            if layer.get("ty") == PRECOMP and isinstance(reference, str) and reference in self._precomps:
                inner = self._use(reference)
                uses = 2 if layer.get("td") else 1  # a matte is drawn for itself and for what it masks
                count, shapes, depth = count + uses * inner.layers, shapes + uses * inner.shapes, max(depth, inner.depth + 1)
            if count > _MAX_LAYERS or shapes > _MAX_SHAPES or depth > _MAX_PRECOMP_DEPTH:
                raise TemplateRefused("lottie.too_complex", f"The animation draws more than {_MAX_LAYERS} layers or {_MAX_SHAPES} shapes.")
        return Weight(count, shapes, depth)


def _shapes(items: list[Any], *, split: bool = False) -> int:
    """Count a list's shapes; a repeater multiplies what stands before it in its list. Depth is bounded by the parser.

    Where several fills or strokes share a list, or `split` one outside it, the engine goes through the groups before them once for each.
    """
    paints = sum(item.get("ty") in _PAINTS for item in objects(items))
    _check_dashes(items)
    split = split or paints > 1 or (paints > 0 and any(item.get("ty") == "gr" for item in objects(items)))
    passes = paints + 1 if split and paints else 1
    total = 0
    for item in objects(items):
        kind = item.get("ty")
        total += 1
        if kind == "gr" and isinstance(item.get("it"), list):
            total += passes * _shapes(item["it"], split=split)
        elif kind == "rp":
            total *= max(1, int(_bounded(item.get("c"), _MAX_COPIES, "A repeater makes too many copies")[1]))
        elif kind == "sr":
            least = _bounded(item.get("pt"), _MAX_POINTS, "A star has too many points", default=0.0)[0]
            if least < 1:
                raise TemplateRefused("lottie.bad_field", f"A star has {least:.1f} points at some moment; give it 3 or more.")
        total = min(total, _MAX_SHAPES + 1)
    return total


def _check_dashes(items: list[Any]) -> None:
    """Refuse lines of too many dashes: the engine cuts the whole line, however little of it is seen."""
    patterns = [sum(_least(dash) for dash in objects(item.get("d")) if dash.get("n") != "o") for item in objects(items)]
    shortest = min((pattern for pattern in patterns if pattern > _SHORTEST_DASH), default=0.0)
    if shortest and _line(items, _MAX_DASHES * shortest) > _MAX_DASHES * shortest:
        raise TemplateRefused("lottie.too_complex", f"A line has more than {_MAX_DASHES} dashes; make them longer, or the line shorter.")


def _least(dash: Document) -> float:
    found = reach(dash.get("v"))
    return max(0.0, found[0]) if found else 0.0


def _line(items: list[Any], enough: float) -> float:
    """At most how long the lines of a list of shapes are together, in their own pixels; a path is measured only if it may be too long."""
    total = 0.0
    for item in objects(items):
        match item.get("ty"):
            case "gr" if isinstance(item.get("it"), list):
                total += _line(item["it"], enough)
            case "rc" | "el":
                total += 4 * widest(item.get("s"))
            case "sr":
                total += 2 * max(1.0, widest(item.get("pt"))) * (widest(item.get("or")) + widest(item.get("ir")))
            case "sh":
                total += paths.length(item.get("ks"), enough / 8)
    return total


def _bounded(prop: object, limit: int, detail: str, default: float = 1.0) -> tuple[float, float]:
    """The least and the largest value of a property, which must be within the limit; `default` where none is given."""
    low, high = reach(prop) or (default, default)
    if not high <= limit:
        raise TemplateRefused("lottie.too_complex", f"{detail} (the limit is {limit}).")
    return low, high
