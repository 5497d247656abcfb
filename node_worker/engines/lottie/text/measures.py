"""Where a placed text lies in its layer: for the edges of pictures, and for whoever asks how large a text is."""

import math
from typing import Any

from node_worker.engines.lottie.guard import number
from node_worker.engines.lottie.text.fonts import Chain
from node_worker.engines.lottie.text.layout import Layout

Document = dict[str, Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom
ANCHOR = {0: 0.0, 1: 1.0, 2: 0.5}  # justification of a text that is placed: which part of a line lies at the position


def origins(text: Document, layout: Layout) -> list[tuple[float, float]]:
    """The left end of each line's base line in pixels of the layer; `text` is its document after it was placed."""
    em, leading = number(text.get("s")), number(text.get("lh"))
    corner = text.get("ps") or (0.0, 0.0)
    anchor = ANCHOR[text["j"]]
    lift = number(text.get("ls"))
    lift = lift if math.isfinite(lift) else 0.0
    lines = enumerate(layout.lines)
    return [(corner[0] - anchor * line.width * em / 100, corner[1] + row * leading - lift) for row, line in lines]


def box_of(text: Document, layout: Layout, chain: Chain) -> Box:
    """The box of a placed text's letters, from the first line's capitals to the last line's feet; flat where nothing is drawn."""
    em = number(text.get("s"))
    places = [(x, x + line.width * em / 100, y) for (x, y), line in zip(origins(text, layout), layout.lines, strict=True) if line.clusters]
    if not places:
        return 0.0, 0.0, 0.0, 0.0
    lefts, rights, heights = zip(*places, strict=True)
    ascent, descent = chain.first.ascent * 0.75, chain.first.descent * 0.75  # letters do not fill the room that a font asks for
    return min(lefts), min(heights) - ascent * em, max(rights), max(heights) + descent * em
