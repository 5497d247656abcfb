"""Rewrites text layers: shaped glyphs become the document's own characters, in the order in which people read them.

The engine draws a document's `chars` one after another, so every cluster gets a character of its own with its outline, and an
advance that leads to the next cluster's place, be that to the left. Text animators go on working, cluster by cluster.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.letters import LINE_END, SCALES
from contracts.spec import Warning
from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.elements import text_documents
from node_worker.engines.lottie.guard import number, objects
from node_worker.engines.lottie.schema import TEXT
from node_worker.engines.lottie.text import breaks, faces
from node_worker.engines.lottie.text.animators import Animators, Moving
from node_worker.engines.lottie.text.bidi import meant_to_read, right_to_left
from node_worker.engines.lottie.text.characters import VARIANT_PICTURE, is_emoji
from node_worker.engines.lottie.text.codes import Codes
from node_worker.engines.lottie.text.drawn import DrawnFace
from node_worker.engines.lottie.text.edges import Placed, outside
from node_worker.engines.lottie.text.emoji import EmojiLayers
from node_worker.engines.lottie.text.fonts import Chain, Library, Wanted
from node_worker.engines.lottie.text.layout import Layout, Style, lay_out
from node_worker.engines.lottie.text.letters import Lettering, lettering_of
from node_worker.engines.lottie.text.measures import Box, box_of
from node_worker.engines.lottie.upgrade import all_layers

Document = dict[str, Any]
FIELD = "flatrender:element"  # marks a text document whose text came from a person, with the element's key
MEANT = "flatrender:meant"  # the template's own text in its place
READING = "flatrender:reading"  # the direction that a person gave it
_ANCHOR = {0: 0.0, 1: 1.0, 2: 0.5, 3: 0.0, 4: 1.0, 5: 0.5, 6: 0.0}  # justification: which part of the line lies at the position
_MIRROR = {0: 1, 1: 0}
_JUSTIFIED, _ALL = frozenset((3, 4, 5, 6)), 6  # justifications that fill lines; that which fills the last one too
_MAX_LENGTH = 100_000  # characters of all texts of a scene, keyframes included
_HUGE = 10_000  # pixels, and thousandths of an em
_UNSEEN = 1e-9  # hundredths of an em of tracking: nobody sees it, but letters stay apart instead of joining into ligatures
AUTO_LEADING = 1.2  # of the size, as After Effects does


def shape_texts(document: Document, library: Library) -> list[Warning]:
    """Shape every text that the document's own characters do not already cover. Raises TemplateRefused."""
    writer = _Writer(document, library)
    layers = [layer for layer in all_layers(document) if layer.get("ty") == TEXT]
    if sum(len(text["t"]) for layer in layers for text in text_documents(layer)) > _MAX_LENGTH:
        raise TemplateRefused("text.too_long", f"The scene's texts have more than {_MAX_LENGTH} characters together.")
    for layer in layers:
        writer.rewrite(layer)
    writer.finish()
    return writer.warnings


def wanted_fonts(document: Document) -> dict[str, Wanted]:
    """The fonts that a document declares, by the name that its texts use."""
    fonts = document.get("fonts")
    entries = fonts.get("list") if isinstance(fonts, dict) else None
    found = {}
    for entry in objects(entries):
        if isinstance(entry.get("fName"), str):
            ascent = number(entry.get("ascent"))
            family, style, path = (str(entry.get(key) or "") for key in ("fFamily", "fStyle", "fPath"))
            found[entry["fName"]] = Wanted(entry["fName"], family, style, path, ascent / 100 if 0 < ascent < 300 else 0.0)
    return found


def measurer(document: Document, library: Library) -> Callable[[Document], Box]:
    """A function that tells the box of a text document's letters in pixels of their layer; see measures.Box.

    It takes documents as they stand before texts are shaped, and leaves them as they are.
    """
    return _Writer(document, library).measure


class _Writer:
    def __init__(self, document: Document, library: Library) -> None:
        self.warnings: list[Warning] = []
        self._document, self._library = document, library
        self._wanted = wanted_fonts(document)
        self._chars = clean_chars(document)
        self._covered = {(char["fFamily"], char["style"], char["ch"]) for char in self._chars}
        self._new_fonts: list[Document] = []
        self._told_fonts: set[str] = set()
        self._drawn_faces: dict[tuple[str, str], DrawnFace] = {}
        self._emoji = EmojiLayers(document)
        self._placed: list[Placed] = []
        self._animators = Animators(self._warn, self._emoji.note_moving)

    def _warn(self, code: str, detail: str, layer: str) -> None:
        self.warnings.append(Warning(code=code, detail=detail, element=layer))

    def measure(self, text: Document) -> Box:
        """See measurer()."""
        if not isinstance(text.get("t"), str):
            return 0.0, 0.0, 0.0, 0.0
        held = dict(text)
        wanted = self._wanted.get(str(text.get("f"))) or Wanted(str(text.get("f") or ""))
        chain = self._chain(wanted, text["t"], drawn=self._stays(text))
        style = style_of(text, shrink=FIELD in text, meant=text.get(MEANT), reading=text.get(READING))
        layout = lay_out(text["t"], chain, style)
        _place(held, layout, style, _ascent(wanted, chain))
        return box_of(held, layout)

    def rewrite(self, layer: Document) -> None:
        texts = text_documents(layer)
        if not texts:
            return
        moving = self._animators.moving(layer)
        if moving and self._animate(layer, moving):
            return
        if all(self._stays(text) for text in texts):
            for text in texts:
                text.pop(FIELD, None)
                text.pop(MEANT, None)
            return
        name = f"frl-{len(self._new_fonts)}"
        codes = Codes(name)
        for index, text in enumerate(texts):
            self._bake(text, codes, layer, index)
        self._chars += codes.chars
        self._new_fonts.append({"fName": name, "fFamily": name, "fStyle": "Regular", "ascent": codes.ascent * 100, "origin": 0})

    def _animate(self, layer: Document, moving: Moving) -> bool:
        """Turn a layer whose letters move one by one into shapes; False if that is too much."""
        found: list[tuple[float, Document, Lettering]] = []
        keys = [key for key in objects(layer["t"]["d"]["k"]) if isinstance(key.get("s"), dict) and isinstance(key["s"].get("t"), str)]
        for index, key in enumerate(keys):
            text = dict(key["s"])
            layout = self._set(text, layer, index, by_letter=True)
            time = number(key.get("t"))
            found.append((time if time == time else 0.0, text, lettering_of(layout, text)))
        return self._animators.draw(layer, moving, found, f"{layer.get('nm')}.{layer.get('ind')}")

    def _stays(self, text: Document) -> bool:
        """Whether the document's own characters draw this text as its designer saw it."""
        wanted = self._wanted.get(str(text.get("f")))
        if wanted is None or READING in text or _justified(text) or any(map(right_to_left, text["t"])):
            return False
        shown = text["t"].upper() if text.get("ca") else text["t"]
        if not all((wanted.family, wanted.style, char) in self._covered for char in shown if char not in "\r\n\x03 "):
            return False
        # A person's text keeps the designer's outlines only when the font itself, which has kerning too, is not at hand.
        return FIELD not in text or not self._library.chain(wanted).found

    def _set(self, text: Document, layer: Document, index: int, *, by_letter: bool = False) -> Layout:
        """Lay a text out and write its place and size into its document; `by_letter` keeps letters from joining into ligatures."""
        before = dict(text)
        stays = by_letter and self._stays(text)
        field, meant, reading = str(text.pop(FIELD, "")), text.pop(MEANT, None), text.pop(READING, None)
        wanted = self._wanted.get(str(text.get("f"))) or Wanted(str(text.get("f") or ""))
        element = field or str(layer.get("nm", ""))
        chain = self._chain(wanted, text["t"], element, drawn=stays)
        style = style_of(text, shrink=bool(field), meant=meant, reading=reading)
        if by_letter and not style.tracking:
            style = msgspec.structs.replace(style, tracking=_UNSEEN)
        layout = lay_out(text["t"], chain, style)
        self._report(layout, field, element)
        _place(text, layout, style, _ascent(wanted, chain))
        if field and isinstance(meant, str):
            other = lay_out(meant, chain, msgspec.structs.replace(style, shrink=False))
            _place(before, other, style, _ascent(wanted, chain))
            self._placed.append(Placed(layer, field, box_of(text, layout), box_of(before, other)))
        if not by_letter:
            self._emoji.note(layer, index, text, layout)
        return layout

    def _bake(self, text: Document, codes: Codes, layer: Document, index: int) -> None:
        layout = self._set(text, layer, index)
        if layout.rtl:
            text["j"] = _MIRROR.get(text["j"], text["j"])
        text["f"] = codes.font
        text["t"] = "\r".join(codes.encode(line, layout.rtl) for line in layout.lines)

    def _chain(self, wanted: Wanted, text: str, element: str = "", *, drawn: bool = False) -> Chain:
        """Where a text's letters are looked for; `drawn` puts the document's own outlines before the font itself.

        What is not as it was meant is told once for each font, at the first element that uses it.
        """
        chain = self._library.chain(wanted, text)
        if drawn:
            return chain.after(self._drawn(wanted))
        if not chain.found:
            own = self._drawn(wanted)
            letters = _letters(text)
            if letters.strip() and all(map(own.covers, letters)):
                return chain.after(own)
        if wanted.name not in self._told_fonts:
            self._told_fonts.add(wanted.name)
            if not chain.found:
                detail = f"The font {wanted.name!r} is not there; FiraGO is drawn instead. Add its file to the template, or give it."
                self._warn("font.missing", detail, element)
            elif other := self._library.other_style(wanted):
                detail = f"The font {wanted.name!r} is not there; {other!r} of its family is drawn instead. Add its file."
                self._warn("font.other_style", detail, element)
        return chain

    def _drawn(self, wanted: Wanted) -> DrawnFace:
        key = wanted.family, wanted.style
        if key not in self._drawn_faces:
            self._drawn_faces[key] = DrawnFace(*key, self._chars)
        return self._drawn_faces[key]

    def _report(self, layout: Layout, field: str, element: str) -> None:
        emoji = [char for char in layout.missing if faces.emoji() is None and is_emoji(char + VARIANT_PICTURE)]
        if emoji:
            detail = f"This node has no font for emoji, so {_listed(emoji)} are left out; run `python -m deploy.emoji`, or give a font."
            self._warn("font.no_emoji", detail, element)
        if missing := [char for char in layout.missing if char not in emoji]:
            detail = f"No font at hand has a picture for {_listed(missing)}; change the text or add a font that has it."
            if field:
                raise TemplateRefused("font.no_glyph", detail, field)
            self._warn("font.no_glyph", detail, element)
        least = f"even at {SCALES[-1]:.0%} of its size"
        if field and layout.overflows:
            self._warn("text.overflow", f"The text does not fit its box {least}; shorten it.", element)
        elif layout.scale < 1:
            self._warn(
                "text.shrunk", f"The text was set at {layout.scale:.0%} of its size to fit its box; shorten it to keep the size.", element
            )
        if field and layout.torn:
            parted = "shorten it, or put a soft hyphen (U+00AD) where it may be parted"
            self._warn(
                "text.torn", f"The word {layout.torn[:60]!r} is wider than its box {least} and was broken within; {parted}.", element
            )

    def finish(self) -> None:
        """Write fonts and characters; every name that the engine compares is a string, or it would crash."""
        kept = [
            {"fName": w.name, "fFamily": w.family, "fStyle": w.style, "ascent": w.ascent * 100, "origin": 0} for w in self._wanted.values()
        ]
        self._document["fonts"] = {"list": [*kept, *self._new_fonts]}
        self._document["chars"] = self._chars
        self.warnings += self._library.doubts()
        self.warnings += outside(self._document, self._placed)
        self._emoji.write(self.warnings)


def style_of(text: Document, *, shrink: bool, meant: object = None, reading: object = None) -> Style:
    size = number(text.get("s"))
    size = size if 0 < size < _HUGE else 10.0
    leading, tracking = number(text.get("lh")), number(text.get("tr"))
    width, height = _box(text)
    return Style(
        size=size,
        line_height=leading if leading > 0 else size * AUTO_LEADING,
        tracking=tracking / 10 if abs(tracking) < _HUGE else 0.0,
        caps=text["ca"] if text.get("ca") in (1, 2) else 0,
        width=width,
        height=height,
        shrink=shrink,
        justified=_justified(text),
        last_too=text.get("j") == _ALL,
        kashida=text.get("kashida") in (1, True),
        hint=meant_to_read(meant) if shrink else "ltr",  # a designer saw it so, or wrote more from the right
        reading=reading if reading in ("ltr", "rtl") else None,
    )


def _box(text: Document) -> tuple[float, float]:
    box = text.get("sz")
    width, height = (number(side) for side in box[:2]) if isinstance(box, list) and len(box) >= 2 else (0.0, 0.0)
    return (width, height) if width > 0 and height > 0 else (0.0, 0.0)


def _justified(text: Document) -> bool:
    """Whether the lines of a text reach both sides of its box."""
    return number(text.get("j")) in _JUSTIFIED and _box(text)[0] > 0


def _place(text: Document, layout: Layout, style: Style, ascent: float) -> None:
    """Turn the box into a position: lines are broken already, and the engine's own breaking must not come on top."""
    justify = int(text["j"]) if number(text.get("j")) in _ANCHOR else 0
    if style.width and layout.rtl and justify in (0, 3) and style.shrink:
        justify += 1  # a right-to-left text in a box of a left-to-right design starts at the right
    anchor = 1.0 if justify == _ALL and layout.rtl else _ANCHOR[justify]  # where a line without a blank begins
    if style.width:
        corner = text.get("ps")
        x, y = (number(side) for side in corner[:2]) if isinstance(corner, list) and len(corner) >= 2 else (0.0, 0.0)
        text["ps"] = [x + anchor * style.width, y + min(ascent * style.size * layout.scale, style.height)]
    else:
        text.pop("ps", None)
    for name in ("sz", "x"):
        text.pop(name, None)
    text["j"] = {0.0: 0, 1.0: 1, 0.5: 2}[anchor]
    text["s"], text["lh"] = style.size * layout.scale, style.line_height * layout.scale
    text["tr"], text["ca"] = 0, 0


def _ascent(wanted: Wanted, chain: Chain) -> float:
    return wanted.ascent or chain.first.ascent


def _letters(text: str) -> str:
    """A text without line ends and emoji, which no document carries as drawings."""
    text = LINE_END.sub("", text)
    ends = breaks.clusters(text)
    return "".join(part for start, end in zip([0, *ends], ends, strict=False) if not is_emoji(part := text[start:end]))


def _listed(chars: list[str]) -> str:
    return ", ".join(f"{char} (U+{ord(char):04X})" for char in chars[:10])


def clean_chars(document: Document) -> list[Document]:
    """The document's own characters, as far as they can be drawn."""
    return [_clean_char(char) for char in objects(document.get("chars")) if _is_char(char)]


def _is_char(char: Document) -> bool:
    return (
        all(isinstance(char.get(key), str) for key in ("ch", "fFamily", "style"))
        and bool(char["ch"])
        and isinstance(char.get("data"), dict)
    )


def _clean_char(char: Document) -> Document:
    """Keep a glyph's paths only: the engine takes everything in it for groups of paths, without looking."""
    groups = [
        {"ty": "gr", "it": [item for item in objects(group.get("it")) if item.get("ty") == "sh"]}
        for group in objects(char["data"].get("shapes"))
    ]
    return {**{key: char[key] for key in ("ch", "fFamily", "style")}, "size": 100, "w": _finite(char.get("w")), "data": {"shapes": groups}}


def _finite(value: object) -> float:
    found = number(value)
    return found if abs(found) < _HUGE else 0.0
