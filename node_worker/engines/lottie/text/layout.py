"""Breaks a text into lines, fits it into its box and places every cluster."""

import bisect
import unicodedata

import msgspec

from contracts.letters import LINE_END, SCALES
from node_worker.engines.lottie.text import bidi, breaks
from node_worker.engines.lottie.text.bidi import Levels, Reading
from node_worker.engines.lottie.text.characters import ideographic, modern
from node_worker.engines.lottie.text.fonts import Chain
from node_worker.engines.lottie.text.kashida import KASHIDA, stretched
from node_worker.engines.lottie.text.shaping import Cluster, shape

SLACK = 1.005  # of a box's sides: designers' boxes hug their texts, and other programs round otherwise
LAST = 0.9  # ems of height that the last line needs: its letters stand on a line within the box, what hangs below it may hang out
_HYPHENS = "\u2010-"  # the true one, and the one that every font has


class Style(msgspec.Struct, frozen=True):
    """What a text document says about its layout; lengths in pixels."""

    size: float
    line_height: float
    tracking: float = 0.0  # hundredths of an em
    caps: int = 0  # 1 = all capitals, 2 = small capitals
    width: float = 0.0  # of the box; 0 = not bounded
    height: float = 0.0
    shrink: bool = False
    justified: bool = False  # lines reach both sides of the box, but for the last of a paragraph
    last_too: bool = False  # that one as well
    kashida: bool = False  # by longer strokes between letters first, then by wider blanks
    hint: Reading | None = None  # the way in which the text's place is meant to be read, where its letters leave it open
    reading: Reading | None = None  # the way in which a person says that it reads


class Line(msgspec.Struct):
    """A placed line; lengths in hundredths of an em."""

    clusters: list[Cluster]
    width: float
    rtl: bool
    last: bool = True  # of its paragraph


class Layout(msgspec.Struct):
    """A placed text: its lines, the factor it was shrunk by, whether it still does not fit, what no font has."""

    lines: list[Line]
    scale: float
    overflows: bool
    missing: tuple[str, ...]
    rtl: bool = False  # whether the whole reads from the right, so that its lines begin there
    torn: str = ""  # the first word that was broken within, as it is wider than the box


class _Paragraph(msgspec.Struct):
    text: str
    small: frozenset[int]
    levels: Levels
    clusters: list[Cluster]


class _Wrapped(msgspec.Struct):
    """The lines of a paragraph as ranges of characters, and the first word that had to be broken."""

    lines: list[tuple[int, int]]
    torn: str = ""


def lay_out(text: str, chain: Chain, style: Style) -> Layout:
    """Place a text. Line ends of all kinds are kept; words move to the next line where the box ends."""
    missing: dict[str, None] = {}
    whole = style.reading or bidi.reads(text, style.hint)
    paragraphs = [_paragraph(part, chain, style, style.reading or bidi.reads(part, whole), missing) for part in LINE_END.split(text)]
    scale, overflows, wrapped = _fit(paragraphs, chain, style)
    full = style.width * 100 / (style.size * scale) if style.justified and style.width > 0 else 0.0
    lines = [
        _line(paragraph, start, end, full, chain, style, missing)
        for paragraph, one in zip(paragraphs, wrapped, strict=True)
        for start, end in one.lines
    ]
    torn = next((one.torn for one in wrapped if one.torn), "")
    return Layout(lines, scale, overflows, tuple(missing), whole == "rtl", torn)


def _fit(paragraphs: list[_Paragraph], chain: Chain, style: Style) -> tuple[float, bool, list[_Wrapped]]:
    """The largest size at which a text fits its box without a broken word, else with one; whether it fits not at all; its lines."""
    if style.width <= 0:
        return 1.0, False, [_Wrapped([(0, len(p.text))]) for p in paragraphs]
    torn: tuple[float, bool, list[_Wrapped]] | None = None
    steps = SCALES if style.shrink else SCALES[:1]
    for scale in steps:
        limit = style.width * SLACK * 100 / (style.size * scale)
        wrapped = [_wrap(paragraph, limit, chain, style) for paragraph in paragraphs]
        too_high = _too_high(sum(len(one.lines) for one in wrapped), style, scale)
        if not too_high and not any(one.torn for one in wrapped):
            return scale, False, wrapped
        if not too_high:
            # Where no size keeps a word whole, small letters would be a loss without a gain.
            torn = torn or (scale, False, wrapped)
    return torn or (steps[-1], True, wrapped)


def _too_high(lines: int, style: Style, scale: float) -> bool:
    return style.height > 0 and ((lines - 1) * style.line_height + style.size * LAST) * scale > style.height * SLACK


def _paragraph(text: str, chain: Chain, style: Style, reading: Reading, missing: dict[str, None]) -> _Paragraph:
    text = modern("".join(char for char in text.replace("\t", " ") if unicodedata.category(char) != "Cc"))
    text = text if text.isascii() else "".join(_drawable(char, chain) for char in text)
    small: frozenset[int] = frozenset()
    if style.caps == 2:
        small = frozenset(i for i, char in enumerate(text) if char.islower() and len(char.upper()) == 1)
        text = "".join(char.upper() if i in small else char for i, char in enumerate(text))
    elif style.caps == 1:
        text = text.upper()
    found = bidi.levels(text, reading)
    return _Paragraph(text, small, found, shape(text, found.of, chain, style.tracking, small, missing)[0])


def _drawable(char: str, chain: Chain) -> str:
    """A character, or what it is short for where no font has it: a word in one sign, a letter of a special width."""
    if not unicodedata.decomposition(char).startswith("<") or chain.face_for(char) is not None:
        return char
    spelled = unicodedata.normalize("NFKC", char)
    return spelled if all(one.isspace() or chain.face_for(one) is not None for one in spelled) else char


def _wrap(paragraph: _Paragraph, limit: float, chain: Chain, style: Style) -> _Wrapped:
    """Fill lines one after another with as much as fits up to a place where the text may be parted."""
    text, clusters = paragraph.text, paragraph.clusters
    starts = [cluster.start for cluster in clusters]
    edges = [0.0]  # how far each cluster leads, and the end
    for cluster in clusters:
        edges.append(edges[-1] + cluster.advance)
    # A place within a ligature parts nothing that could be drawn.
    places = [place for place in breaks.lines(text) if place == len(text) or _at(starts, place) is not None]
    hyphen = _hyphen_width(text, chain, style)
    made = _Wrapped([])
    first = 0  # the line's first cluster
    while first < len(clusters):
        best = None
        begin = bisect.bisect_right(places, starts[first])
        for place in places[begin:]:
            until = len(clusters) if place == len(text) else bisect.bisect_left(starts, place)
            width = edges[_trimmed(clusters, first, until)] - edges[first]
            if width + (hyphen if text[place - 1] == breaks.SOFT_HYPHEN else 0.0) <= limit:
                best = until
            elif width > limit:
                break
        if best is None:
            best = first + 1
            while best < len(clusters) and edges[best + 1] - edges[first] <= limit:
                best += 1
            word = text[starts[first] : places[begin]].strip() if begin < len(places) else text[starts[first] :]
            made.torn = made.torn or word
        made.lines.append((starts[first], starts[best] if best < len(clusters) else len(text)))
        first = best
    if not made.lines:
        made.lines.append((0, len(text)))
    return made


def _at(starts: list[int], place: int) -> int | None:
    index = bisect.bisect_left(starts, place)
    return index if index < len(starts) and starts[index] == place else None


def _trimmed(clusters: list[Cluster], first: int, until: int) -> int:
    """The end of a line's clusters without the blanks that hang over its end."""
    while until > first and clusters[until - 1].space:
        until -= 1
    return until


def _hyphen_width(text: str, chain: Chain, style: Style) -> float:
    if breaks.SOFT_HYPHEN not in text:
        return 0.0
    return shape(_hyphen(chain), (0,), chain, style.tracking, frozenset(), {})[1]


def _hyphen(chain: Chain) -> str:
    return next((char for char in _HYPHENS if chain.first.covers(char)), "-")


def _line(paragraph: _Paragraph, start: int, end: int, full: float, chain: Chain, style: Style, missing: dict[str, None]) -> Line:
    """Shape a line; `full` is the width that a justified one fills, in hundredths of an em."""
    text, last = paragraph.text[start:end], end == len(paragraph.text)
    if not last and text.endswith(breaks.SOFT_HYPHEN):
        text = text[:-1] + _hyphen(chain)
    if style.width > 0:
        text = text.rstrip()
    levels = paragraph.levels.line(start, start + len(text))
    small = frozenset(i - start for i in paragraph.small)
    clusters, width = shape(text, levels, chain, style.tracking, small, missing)
    filled = full > 0 and (style.last_too or not last)
    if filled and style.kashida:
        stroke = shape(KASHIDA, (1,), chain, 0.0, frozenset(), {})[1]
        longer = shape(*stretched(text, levels, clusters, full - width, stroke), chain, style.tracking, small, {})
        clusters, width = longer if longer[1] <= full else (clusters, width)
    for cluster in clusters:
        cluster.start += start
    line = Line(clusters, width, paragraph.levels.base == 1, last)
    if filled:
        _justify(line, full)
    return line


def _justify(line: Line, limit: float) -> None:
    """Widen the blanks of a line, and the joints between letters that are set without blanks, up to the box's width."""
    drawn = [index for index, cluster in enumerate(line.clusters) if cluster.glyphs]
    places = [index for index in range(drawn[0], drawn[-1]) if _stretches(line.clusters, index)] if drawn else []
    spare = limit - line.width
    if not places or spare <= 0:
        return
    share = spare / len(places)
    stretched = {id(line.clusters[index]) for index in places}
    moved = 0.0
    for cluster in sorted(line.clusters, key=lambda one: one.x):
        cluster.x += moved
        if id(cluster) in stretched:
            cluster.advance += share
            moved += share
    line.width = limit


def _stretches(clusters: list[Cluster], index: int) -> bool:
    if clusters[index].space:
        return bool(clusters[index].advance)
    after = clusters[index + 1]
    return not after.space and ideographic(clusters[index].text) and ideographic(after.text)
