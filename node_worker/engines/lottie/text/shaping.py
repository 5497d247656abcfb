"""Shapes a line of mixed text with HarfBuzz: runs by direction, script and font, clusters in logical order."""

import unicodedata
from collections.abc import Iterator, Sequence

import msgspec
import uharfbuzz as hb

from node_worker.engines.lottie.text import breaks
from node_worker.engines.lottie.text.bidi import visual_order
from node_worker.engines.lottie.text.characters import CURSIVE, ignorable, is_emoji, language_of, scripts_of, visible
from node_worker.engines.lottie.text.drawn import DrawnFace
from node_worker.engines.lottie.text.faces import Face
from node_worker.engines.lottie.text.fonts import Chain

_SMALL = 0.7  # small capitals' height of capitals


class Glyph(msgspec.Struct, frozen=True):
    """A glyph within its cluster, offsets in hundredths of an em with y downwards."""

    face: Face | DrawnFace
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
    coloured: bool = False  # its glyphs are pictures, not outlines
    tracking: float = 0.0  # the part of its advance that is letter spacing

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
    face: Face | DrawnFace
    coloured: bool = False


def shape(
    text: str, found: Sequence[int], chain: Chain, tracking: float, small: frozenset[int], missing: dict[str, None]
) -> tuple[list[Cluster], float]:
    """Shape one line whose characters have the given levels.

    Returns its clusters in logical order with their places, and its width; `tracking` is in hundredths of an em.
    Characters without a glyph are put into `missing` and leave no mark.
    """
    runs = list(_runs(text, found, chain, missing))
    shaped = [_shape_run(text, run, tracking, small, missing) for run in runs]
    width = place(runs, shaped)
    return [cluster for run in shaped for cluster in run], width


def place(runs: Sequence[Run], shaped: Sequence[list[Cluster]]) -> float:
    """Set the clusters of a line's runs side by side in visual order; the line's width."""
    pen = 0.0
    for index in visual_order([run.level for run in runs]):
        for cluster in reversed(shaped[index]) if runs[index].level % 2 else shaped[index]:
            cluster.x = pen
            pen += cluster.advance
    return pen


def _runs(text: str, found: Sequence[int], chain: Chain, missing: dict[str, None]) -> Iterator[Run]:
    scripts = scripts_of(text)
    run: Run | None = None
    for start, end, face, coloured in _parts(text, chain, missing):
        if run and (run.level, run.script, run.coloured) == (found[start], scripts[start], coloured) and run.face is face:
            run.end = end
            continue
        if run:
            yield run
        run = Run(start, end, found[start], scripts[start], face, coloured)
    if run:
        yield run


def _parts(text: str, chain: Chain, missing: dict[str, None]) -> Iterator[tuple[int, int, Face | DrawnFace, bool]]:
    """A text's clusters with the font of each, and whether it is one of pictures; one that no font has whole comes in characters."""
    before: Face | DrawnFace | None = None
    start = 0
    for end in breaks.clusters(text):
        face, coloured = _font(text[start:end], chain, before)
        if face is None and end - start > 1:
            for index in range(start, end):
                face, coloured = _font(text[index], chain, before)
                if face is None:
                    missing[text[index]] = None
                yield index, index + 1, face or before or chain.first, coloured
        else:
            if face is None:
                missing[text[start:end]] = None
            yield start, end, face or before or chain.first, coloured
        before = before if coloured else face or before
        start = end


def _font(grapheme: str, chain: Chain, before: Face | DrawnFace | None) -> tuple[Face | DrawnFace | None, bool]:
    """The font for a grapheme, and whether it draws pictures; None if none has it."""
    if is_emoji(grapheme) and (picture := chain.coloured_for(grapheme[0])) is not None:
        return picture, True
    face = _face(grapheme, chain, before)
    if face is None and (picture := chain.coloured_for(grapheme[0])) is not None:
        return picture, True  # a sign that is no emoji by itself, but that no other font has
    return face, False


def _face(grapheme: str, chain: Chain, before: Face | DrawnFace | None) -> Face | DrawnFace | None:
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


def _shape_run(text: str, run: Run, tracking: float, small: frozenset[int], missing: dict[str, None]) -> list[Cluster]:
    cursive = run.script in CURSIVE
    if isinstance(run.face, DrawnFace):
        groups = [(i, run.face.advance(text[i]), [Glyph(run.face, ord(text[i]), 0.0, 0.0)]) for i in range(run.start, run.end)]
    else:
        groups = _shaped(text, run, run.face, spaced=bool(tracking) and not cursive)
    ends = [group[0] for group in groups[1:]] + [run.end]
    made = []
    for (start, advance, glyphs), end in zip(groups, ends, strict=True):
        part = text[start:end]
        # Letters that join would be torn; their words move apart by their blanks.
        spaced = 0.0 if (cursive and not part.isspace()) or all(map(ignorable, part)) else tracking
        scale = _SMALL if start in small else 1.0
        made.append(_cluster(part, start, advance, glyphs, run, spaced, scale, missing))
    return made


def _shaped(text: str, run: Run, face: Face, *, spaced: bool) -> list[tuple[int, float, list[Glyph]]]:
    """HarfBuzz's clusters of a run in logical order: the first character's place, the advance, the glyphs."""
    buffer = hb.Buffer()
    buffer.add_codepoints([ord(char) for char in text], run.start, run.end - run.start)
    rtl = run.level % 2 == 1
    buffer.direction, buffer.script = "rtl" if rtl else "ltr", run.script
    buffer.flags = hb.BufferFlags.DO_NOT_INSERT_DOTTED_CIRCLE  # a mark may come from another font than its letter
    buffer.language = language_of(text[run.start : run.end])
    hb.shape(face.font, buffer, {"liga": not spaced, "clig": not spaced})
    unit = 100 / face.upem
    groups: list[tuple[int, float, list[Glyph]]] = []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        if not groups or groups[-1][0] != info.cluster:
            groups.append((info.cluster, 0.0, []))
        if not info.codepoint:
            continue  # what the font lacks leaves no room either
        start, pen, glyphs = groups.pop()
        glyphs.append(Glyph(face, info.codepoint, pen + position.x_offset * unit, -position.y_offset * unit))
        groups.append((start, pen + position.x_advance * unit, glyphs))
    if rtl:
        groups.reverse()
    return groups


def _cluster(
    text: str, start: int, advance: float, glyphs: list[Glyph], run: Run, tracking: float, scale: float, missing: dict[str, None]
) -> Cluster:
    rtl = run.level % 2 == 1
    kept = tuple(glyph for glyph in glyphs if run.coloured or glyph.face.outline(glyph.number))
    shown = visible(text)
    if shown and not kept:
        missing.update(dict.fromkeys(shown))
        return Cluster(start, text, 0.0, rtl, (), scale)
    return Cluster(start, text, (advance + tracking) * scale, rtl, kept, scale, coloured=run.coloured, tracking=tracking * scale)
