"""A whole Lottie document around a stack of layers."""

from collections.abc import Mapping, Sequence

from templates.lottie.layers import finished, font_list
from templates.lottie.values import Json, rgb


def document(
    title: str,
    size: tuple[int, int],
    frames: int,
    stack: Sequence[Json],
    *,
    rate: float = 30,
    assets: Sequence[Json] = (),
    colours: Mapping[str, str] | None = None,
) -> Json:
    """Return a document from its layers, the topmost first; `colours` become its slots."""
    return {
        "v": "5.12.2",
        "nm": title,
        "fr": rate,
        "ip": 0,
        "op": frames,
        "w": size[0],
        "h": size[1],
        "ddd": 0,
        "slots": {name: {"p": {"a": 0, "k": rgb(colour)}} for name, colour in (colours or {}).items()},
        "fonts": font_list(),
        "assets": list(assets),
        "layers": finished(stack, frames),
        "markers": [],
    }
