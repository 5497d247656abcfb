"""Breaks a text into lines, fits it into its box and places every cluster."""

import re
import unicodedata

import msgspec

from node_worker.engines.lottie.text import bidi
from node_worker.engines.lottie.text.fonts import Chain
from node_worker.engines.lottie.text.shaping import Cluster, shape

SMALLEST = 0.5  # a text shrinks to no less than half its designed size
_STEPS = tuple(1 - step / 20 for step in range(11))  # 1.0 down to SMALLEST
_BREAK = re.compile(r"\r\n|[\r\n\x03\u2028\u2029]")
_SLACK = 1.005  # of the box's width: designers' boxes hug their texts, and other programs round otherwise
_NO_BREAK_SPACES = "\u00a0\u202f\u2007"
_IDEOGRAPHS = re.compile(r"[\u2e80-\u303f\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


class Style(msgspec.Struct, frozen=True):
    """What a text document says about its layout; lengths in pixels."""

    size: float
    line_height: float
    tracking: float = 0.0  # hundredths of an em
    caps: int = 0  # 1 = all capitals, 2 = small capitals
    width: float = 0.0  # of the box; 0 = not bounded
    height: float = 0.0
    shrink: bool = False


class Line(msgspec.Struct):
    """A placed line; lengths in hundredths of an em."""

    clusters: list[Cluster]
    width: float
    rtl: bool


class Layout(msgspec.Struct):
    """A placed text: its lines, the factor it was shrunk by, whether it still does not fit, what no font has."""

    lines: list[Line]
    scale: float
    overflows: bool
    missing: tuple[str, ...]


class _Paragraph(msgspec.Struct):
    text: str
    small: frozenset[int]
    base: int
    levels: list[int]
    clusters: list[Cluster]


def lay_out(text: str, chain: Chain, style: Style) -> Layout:
    """Place a text. Line ends of all kinds are kept; words move to the next line where the box ends."""
    missing: dict[str, None] = {}
    paragraphs = [_paragraph(part, chain, style, missing) for part in _BREAK.split(text)]
    scale, breaks, overflows = 1.0, [[(0, len(p.text))] for p in paragraphs], False
    if style.width > 0:
        for scale in _STEPS if style.shrink else _STEPS[:1]:
            limit = style.width * _SLACK * 100 / (style.size * scale)
            results = [_wrap(paragraph, limit) for paragraph in paragraphs]
            breaks = [lines for lines, _ in results]
            overflows = any(broken for _, broken in results) or _too_high(sum(map(len, breaks)), style, scale)
            if not overflows:
                break
    lines = [_line(p, start, end, chain, style, missing) for p, ranges in zip(paragraphs, breaks, strict=True) for start, end in ranges]
    return Layout(lines, scale, overflows, tuple(missing))


def _too_high(lines: int, style: Style, scale: float) -> bool:
    # The last line needs its letters' height, not its leading; half a letter may hang out at the bottom as descenders do.
    return style.height > 0 and ((lines - 1) * style.line_height + style.size * 0.9) * scale > style.height * 1.05


def _paragraph(text: str, chain: Chain, style: Style, missing: dict[str, None]) -> _Paragraph:
    text = "".join(char for char in text.replace("\t", " ") if unicodedata.category(char) != "Cc")
    small: frozenset[int] = frozenset()
    if style.caps == 2:
        small = frozenset(i for i, char in enumerate(text) if char.islower() and len(char.upper()) == 1)
        text = "".join(char.upper() if i in small else char for i, char in enumerate(text))
    elif style.caps == 1:
        text = text.upper()
    base, found = bidi.levels(text)
    return _Paragraph(text, small, base, found, shape(text, found, chain, style.tracking, small, missing)[0])


def _wrap(paragraph: _Paragraph, limit: float) -> tuple[list[tuple[int, int]], bool]:
    """Ranges of characters, a line each, and whether a word had to be broken."""
    lines: list[tuple[int, int]] = []
    start, width, pending, broken = 0, 0.0, 0.0, False
    candidate, after = 0, 0.0  # the last place to break at, and the width that came after it
    for cluster in paragraph.clusters:
        at = cluster.start
        if at > start and _may_break(paragraph.text, at):
            candidate, after = at, 0.0
        if cluster.space:
            pending += cluster.advance
            after += cluster.advance
            continue
        if width + pending + cluster.advance > limit and at > start:
            if candidate > start:
                lines.append((start, candidate))
                start, width, pending = candidate, after, 0.0
            else:
                lines.append((start, at))
                start, width, pending, broken = at, 0.0, 0.0, True
            after = width
        width += pending + cluster.advance
        after += cluster.advance
        pending = 0.0
    broken = broken or width > limit
    return [*lines, (start, len(paragraph.text))], broken


def _may_break(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if after.isspace():
        return False
    if before.isspace():
        return before not in _NO_BREAK_SPACES
    if before == "\u200b":
        return True
    if before in "-\u2010\u2013\u2014":
        return after.isalpha() and at > 1 and text[at - 2].isalpha()
    if _IDEOGRAPHS.match(before) or _IDEOGRAPHS.match(after):
        return unicodedata.category(after) not in ("Pe", "Pf", "Po") and unicodedata.category(before) not in ("Ps", "Pi")
    return False


def _line(paragraph: _Paragraph, start: int, end: int, chain: Chain, style: Style, missing: dict[str, None]) -> Line:
    text = paragraph.text[start:end].rstrip() if style.width > 0 else paragraph.text[start:end]
    found = paragraph.levels[start : start + len(text)]
    bidi.trailing_reset(text, found, paragraph.base)
    small = frozenset(i - start for i in paragraph.small)
    clusters, width = shape(text, found, chain, style.tracking, small, missing)
    return Line(clusters, width, paragraph.base == 1)
