"""Directions in a paragraph: embedding levels in logical order, and the visual order of a line."""

from collections.abc import Sequence

from bidi import algorithm

# The algorithm at hand knows embeddings but not the later isolates, so an isolate is read as the embedding nearest to it.
_ISOLATES = {"\u2066": "\u202a", "\u2067": "\u202b", "\u2068": "", "\u2069": "\u202c"}
_RESET = frozenset({"WS", "S", "B", "LRE", "RLE", "LRO", "RLO", "PDF", "BN"})


def levels(text: str, *, base: int | None = None) -> tuple[int, list[int]]:
    """The base level of a paragraph and each character's level (odd is right to left)."""
    level = algorithm.get_base_level(text) if base is None else base
    storage = algorithm.get_empty_storage()
    storage["base_level"], storage["base_dir"] = level, "LR"[level % 2]
    algorithm.get_embedding_levels(_without_isolates(text), storage)
    for index, char in enumerate(storage["chars"]):
        char["index"] = index
        char["type"] = char["type"] or "L"  # a character newer than Python's tables
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    algorithm.resolve_neutral_types(storage, False)
    algorithm.resolve_implicit_levels(storage, False)
    found: dict[int, int] = {char["index"]: char["level"] for char in storage["chars"]}
    # Characters that the algorithm removes (joiners, marks of direction) go with the one before them.
    result, last = [], level
    for index in range(len(text)):
        last = found.get(index, last)
        result.append(last)
    return level, result


def trailing_reset(text: str, found: list[int], base: int) -> None:
    """White space at a line's end takes the base level, so that it never comes into the line's middle (rule L1)."""
    for index in range(len(text) - 1, -1, -1):
        if algorithm.bidirectional(text[index]) not in _RESET:
            return
        found[index] = base


def visual_order(found: Sequence[int]) -> list[int]:
    """Positions from left to right for items with these levels (rule L2)."""
    order = list(range(len(found)))
    for level in range(max(found, default=0), 0, -1):
        start = 0
        while start < len(order):
            if found[order[start]] < level:
                start += 1
                continue
            end = start
            while end < len(order) and found[order[end]] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = end
    return order


def _without_isolates(text: str) -> str:
    if not any(char in _ISOLATES for char in text):
        return text
    parts = []
    for index, char in enumerate(text):
        if char == "\u2068":
            parts.append("\u202b" if algorithm.get_base_level(text[index + 1 :].split("\u2069")[0]) else "\u202a")
        else:
            parts.append(_ISOLATES.get(char, char))
    return "".join(parts)
