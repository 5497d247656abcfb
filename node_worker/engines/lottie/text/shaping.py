"""Shapes a line of mixed text with HarfBuzz: runs by direction, script and font, clusters in logical order."""

import unicodedata
from collections.abc import Iterator

import msgspec
import uharfbuzz as hb
from fontTools.unicodedata import script as script_of

from node_worker.engines.lottie.text import bidi
from node_worker.engines.lottie.text.fonts import Chain, Face

_CURSIVE = frozenset({"Arab", "Syrc", "Mong", "Nkoo", "Mand", "Adlm", "Rohg", "Phag"})  # letter spacing would tear these apart
_PERSIAN = frozenset("پچژگکی" + "۰۱۲۳۴۵۶۷۸۹")
_BLANK = frozenset("\u2800\u3164\u115f\u1160\uffa0")
_SMALL = 0.7  # small capitals' height of capitals


class Glyph(msgspec.Struct, frozen=True):
    """A glyph within its cluster, offsets in hundredths of an em with y downwards."""

    face: Face
    number: int
    x: float
    y: float


class Cluster(msgspec.Struct):
    """Characters that are drawn as one: a letter with its marks, or a ligature. Lengths in hundredths of an em."""

    start: int
    text: str
    advance: float
    rtl: bool
    glyphs: tuple[Glyph, ...]
    scale: float = 1.0
    x: float = 0.0  # its left edge on the line

    @property
    def space(self) -> bool:
        """Whether it is white space only."""
        return not self.text.strip()


class Run(msgspec.Struct):
    """A stretch of one level, script and font."""

    start: int
    end: int
    level: int
    script: str
    face: Face


def shape(
    text: str, found: list[int], chain: Chain, tracking: float, small: frozenset[int], missing: dict[str, None]
) -> tuple[list[Cluster], float]:
    """Shape one line whose characters have the given levels.

    Returns its clusters in logical order with their places, and its width; `tracking` is in hundredths of an em.
    Characters without a glyph are put into `missing` and leave no mark.
    """
    runs = list(_runs(text, found, chain, missing))
    shaped = [_shape_run(text, run, tracking, small, missing) for run in runs]
    pen = 0.0
    for index in bidi.visual_order([run.level for run in runs]):
        for cluster in reversed(shaped[index]) if runs[index].level % 2 else shaped[index]:
            cluster.x = pen
            pen += cluster.advance
    return [cluster for run in shaped for cluster in run], pen


def ignorable(char: str) -> bool:
    """Whether a character has no picture of its own: joiners, marks of direction, variation selectors."""
    return unicodedata.category(char) in ("Cf", "Cc") or "\ufe00" <= char <= "\ufe0f" or char == "\u034f"


def _graphemes(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(1, len(text)):
        extends = unicodedata.category(text[index])[0] == "M" or ignorable(text[index]) or text[index - 1] == "\u200d"
        if not extends:
            yield start, index
            start = index
    if text:
        yield start, len(text)


def _runs(text: str, found: list[int], chain: Chain, missing: dict[str, None]) -> Iterator[Run]:
    scripts = _scripts(text)
    run: Run | None = None
    for start, end in _graphemes(text):
        face = _face(text[start:end], chain, run.face if run else None)
        if face is None:
            missing.update((char, None) for char in text[start:end] if not ignorable(char))
            face = run.face if run else chain.first
        if run and (run.level, run.script) == (found[start], scripts[start]) and run.face is face:
            run.end = end
            continue
        if run:
            yield run
        run = Run(start, end, found[start], scripts[start], face)
    if run:
        yield run


def _face(grapheme: str, chain: Chain, before: Face | None) -> Face | None:
    """The font for a grapheme; spaces stay with the font before them."""
    needed = "".join(" " if char.isspace() else char for char in grapheme if not ignorable(char))
    if not needed:
        return before or chain.first
    preferred = before if not any(char.isalnum() for char in needed) else None
    for form in dict.fromkeys((needed, unicodedata.normalize("NFC", needed), unicodedata.normalize("NFD", needed))):
        face = chain.face_for(form, preferred)
        if face is not None:
            return face
    return None


def _scripts(text: str) -> list[str]:
    """Each character's script; common and inherited characters take that of their neighbour."""
    scripts = [script_of(char) for char in text]
    last = next((script for script in scripts if script not in ("Zyyy", "Zinh", "Zzzz")), "Latn")
    for index, script in enumerate(scripts):
        last = scripts[index] = last if script in ("Zyyy", "Zinh", "Zzzz") else script
    return scripts


def _shape_run(text: str, run: Run, tracking: float, small: frozenset[int], missing: dict[str, None]) -> list[Cluster]:
    buffer = hb.Buffer()
    buffer.add_codepoints([ord(char) for char in text], run.start, run.end - run.start)
    rtl = run.level % 2 == 1
    buffer.direction, buffer.script = "rtl" if rtl else "ltr", run.script
    buffer.language = "fa" if _PERSIAN.intersection(text[run.start : run.end]) else "und"
    spaced = tracking if run.script not in _CURSIVE else 0.0
    hb.shape(run.face.font, buffer, {"liga": not spaced, "clig": not spaced})
    unit = 100 / run.face.upem
    groups: list[tuple[int, float, list[Glyph]]] = []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        if not groups or groups[-1][0] != info.cluster:
            groups.append((info.cluster, 0.0, []))
        start, pen, glyphs = groups.pop()
        glyphs.append(Glyph(run.face, info.codepoint, pen + position.x_offset * unit, -position.y_offset * unit))
        groups.append((start, pen + position.x_advance * unit, glyphs))
    if rtl:
        groups.reverse()
    ends = [group[0] for group in groups[1:]] + [run.end]
    return [
        _cluster(text[start:end], start, advance, glyphs, rtl, spaced, _SMALL if start in small else 1.0, missing)
        for (start, advance, glyphs), end in zip(groups, ends, strict=True)
    ]


def _cluster(
    text: str, start: int, advance: float, glyphs: list[Glyph], rtl: bool, tracking: float, scale: float, missing: dict[str, None]
) -> Cluster:
    kept = tuple(glyph for glyph in glyphs if glyph.number and glyph.face.outline(glyph.number))
    visible = [char for char in text if not char.isspace() and not ignorable(char) and char not in _BLANK]
    if visible and not kept:
        missing.update(dict.fromkeys(visible))
        return Cluster(start, text, 0.0, rtl, (), scale)
    return Cluster(start, text, (advance + tracking) * scale if text else 0.0, rtl, kept, scale)
