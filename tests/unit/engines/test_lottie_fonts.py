"""A font that is there in whatever form is found, and one that is not is told."""

import base64
import importlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.tables.TupleVariation import TupleVariation

from node_worker.engines.lottie import LottieEngine
from node_worker.engines.lottie.text.faces import Face, eastern
from node_worker.engines.lottie.text.fonts import Library, Wanted
from node_worker.inspect.webfonts import MAX_FONT, unpack

MONO = importlib.import_module("pymupdf_fonts.UbuntuMono_Bold").fontbuffer


def font(family: str, style: str, weight: int = 400, *, axis: bool = False, width: int = 500) -> bytes:
    """A font of one letter, a box; with an axis its box grows from 100 at weight 100 to 500 at 900."""
    pen = TTGlyphPen(None)
    for step, point in enumerate(((0, 0), (100, 0), (100, 700), (0, 700))):
        (pen.moveTo if not step else pen.lineTo)(point)
    pen.closePath()
    box = pen.glyph()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({ord("A"): "A"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "A": box})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "A": (width, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(
        {"familyName": family, "styleName": style, "fullName": f"{family} {style}", "psName": f"{family.replace(' ', '')}-{style}"}
    )
    builder.setupOS2(usWeightClass=weight, fsSelection=1 if "Italic" in style else 0)
    builder.setupPost(italicAngle=-10.0 if "Italic" in style else 0.0)
    if axis:
        builder.setupFvar([("wght", 100, weight, 900, "Weight")], [])
        wider = [(0, 0), (400, 0), (400, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)]
        builder.setupGvar({"A": [TupleVariation({"wght": (0, 1, 1)}, wider)], ".notdef": []})
    made = io.BytesIO()
    builder.save(made)
    return made.getvalue()


def packed(data: bytes, flavour: str) -> bytes:
    made = io.BytesIO()
    whole = TTFont(io.BytesIO(data))
    whole.flavor = flavour
    whole.save(made)
    return made.getvalue()


@pytest.fixture
def library(tmp_path: Path) -> Callable[..., Library]:
    def make(**files: bytes) -> Library:
        paths = []
        for name, data in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(data)
            paths.append(path)
        return Library(paths, ())

    return make


def test_web_fonts_hold_the_same_letters() -> None:
    small = font("Fine Sans", "Regular")
    plain = Face(small)
    glyph = plain.font.get_nominal_glyph(ord("A"))
    for flavour in ("woff", "woff2"):
        unpacked = Face(packed(small, flavour))
        assert unpacked.outline(glyph)
        assert unpacked.names == plain.names
        assert [c.points for c in unpacked.outline(glyph)] == [c.points for c in plain.outline(glyph)]


def test_damaged_and_swollen_web_fonts_are_refused() -> None:
    small = font("Fine Sans", "Regular")
    whole = packed(small, "woff")
    for data in (whole[:60], whole[: len(whole) // 2], b"wOF2" + bytes(300), b"wOFF" + b"\xff" * 300, packed(small, "woff2")[:200]):
        with pytest.raises(ValueError, match="web font"):
            unpack(data)
    bomb = zlib.compress(bytes(MAX_FONT + 9), 1)
    head = struct.pack(">4sIIHHIHHIIIII", b"wOFF", 0x10000, 64 + len(bomb), 1, 0, 100, 1, 0, 0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="64 MB"):
        unpack(head + struct.pack(">4sIIII", b"glyf", 64, len(bomb), MAX_FONT + 9, 0) + bomb)
    with pytest.raises(ValueError, match="damaged"):  # it says that it is small
        unpack(head + struct.pack(">4sIIII", b"glyf", 64, len(bomb), 2 * len(bomb) + 1, 0)[:20] + bomb[:-9])


def test_a_swollen_stream_of_the_second_kind_is_refused() -> None:
    stream = brotli.compress(bytes(MAX_FONT + (1 << 20)), quality=1)
    head = struct.pack(">4sIIHHIIHHIIIII", b"wOF2", 0x10000, 0, 1, 0, 1000, len(stream), 1, 0, 0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="64 MB"):
        unpack(head + bytes([0x3F]) + b"abcd" + bytes([0x10]) + stream)


@pytest.mark.parametrize("named", [b"\x0a", b"\x3fglyf"])
def test_a_small_web_font_of_endlessly_many_outlines_is_refused_before_they_are_put_together(named: bytes) -> None:
    stream = brotli.compress(bytes(4 << 20))
    entry = named + b"\x00" + b"\x82\x80\x80\x00"  # 4 MB of outlines
    head = struct.pack(">4sIIHHIIHHIIIII", b"wOF2", 0x10000, 0, 1, 0, 1000, len(stream), 1, 0, 0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="too many outlines"):
        unpack(head + entry + stream)


def test_a_font_inside_the_document_is_used(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any], tmp_path: Path
) -> None:
    entry = {"fName": "Any-Regular", "fFamily": "Ubuntu Mono", "fStyle": "Bold"}
    (tmp_path / "given").write_bytes(MONO)
    plain = save(build.document(build.text("T", "Wide"), fonts={"list": [entry]}), "plain")
    expected = picture_of(scene(plain, fonts=(tmp_path / "given",)))
    for flavour, mime in ((MONO, "font/ttf"), (packed(MONO, "woff"), "font/woff")):
        address = f"data:{mime};charset=utf-8;base64,{base64.b64encode(flavour).decode()}"
        opened = scene(save(build.document(build.text("T", "Wide"), fonts={"list": [entry | {"fPath": address}]}), "own"))
        assert opened.warnings == ()
        assert np.array_equal(picture_of(opened), expected)
    broken = scene(save(build.document(build.text("T", "W"), fonts={"list": [entry | {"fPath": "data:font/ttf;base64,AAAA"}]}), "broken"))
    assert {warning.code for warning in broken.warnings} == {"font.missing", "font.unreadable"}


def test_an_upload_is_told_once_of_each_font_that_is_missing_or_cannot_be_read(
    engine: LottieEngine, build: Any, save: Callable[..., Path], tmp_path: Path
) -> None:
    entry = {"fName": "Any-Regular", "fFamily": "Nowhere", "fStyle": "Regular"}
    document = build.document(build.text("T", "AAA"), build.text("U", "B"), fonts={"list": [entry]})
    found = engine.scan(save({"x.json": document, "y.json": document, "a.ttf": b"nonsense"}, "zip"), tmp_path / "work")
    assert [(one.code, one.element) for one in found.warnings] == [("font.unreadable", "")]
    assert [[(one.code, one.element) for one in scene.warnings] for scene in found.scenes] == [[("font.missing", "T")]] * 2


def test_web_fonts_of_an_archive_are_used(build: Any, save: Callable[..., Path], scene: Callable[..., Any]) -> None:
    entry = {"fName": "Any-Regular", "fFamily": "Ubuntu Mono", "fStyle": "Bold"}
    document = build.document(build.text("T", "AAA"), fonts={"list": [entry]})
    for name in ("fonts/a.woff", "b.WOFF2"):
        data = packed(font("Ubuntu Mono", "Bold", 700), name[-5:].strip(".").lower())
        assert scene(save({"x.json": document, name: data}, name.replace("/", "")), key="x").warnings == ()


@pytest.mark.parametrize(
    "path", ["/fonts/b.ttf", "C:\\Fonts\\B.TTF", "fonts/B.ttf", "https://example.com/x/b.TTF", "e%CC%81%20b.ttf", "é b.ttf"]
)
def test_a_file_is_found_however_its_name_is_written(library: Callable[..., Library], path: str) -> None:
    found = library(**{"B.TTF": MONO, "e\u0301 b.ttf": font("Other", "Regular")}).chain(Wanted("Unknown", path=path))
    assert found.found
    assert found.first.covers("g") == ("%" not in path and "é" not in path)


def test_a_family_stands_in_for_a_style_that_is_missing(library: Callable[..., Library]) -> None:
    there = library(a=font("Fine Sans", "Regular", width=400), b=font("Fine Sans", "Black", 900, width=600), c=font("Else", "Bold", 700))
    assert there.chain(Wanted("FineSans-Black")).first.weight == 900
    assert there.chain(Wanted("FineSans-ExtraBold", "Fine Sans", "ExtraBold")).first.weight == 900
    assert there.chain(Wanted("Fine Sans Light")).first.weight == 400
    assert there.other_style(Wanted("Fine Sans Light")) == "Fine Sans Regular"
    assert there.other_style(Wanted("FineSans-Regular")) == ""
    assert not there.chain(Wanted("Fine Serif")).found


def test_italics_are_not_mixed_up_with_uprights(library: Callable[..., Library]) -> None:
    there = library(a=font("Fine Sans", "Regular"), b=font("Fine Sans", "Italic"))
    assert there.chain(Wanted("Fine Sans BoldItalic")).first.slanted
    assert not there.chain(Wanted("Fine Sans Bold")).first.slanted


def test_a_variable_font_is_set_to_the_style(library: Callable[..., Library]) -> None:
    there = library(a=font("Fine Sans", "Regular", 400, axis=True))
    widths = {}
    for style in ("Regular", "Bold", "Black"):
        wanted = Wanted(f"FineSans-{style}", "Fine Sans", style)
        face = there.chain(wanted).first
        widths[style] = face.box(face.font.get_nominal_glyph(ord("A")))[2]  # type: ignore[union-attr]
        assert there.other_style(wanted) == ""
    assert widths["Regular"] == pytest.approx(10)
    assert 10 < widths["Bold"] < widths["Black"] == pytest.approx(50)


def test_each_face_of_a_collection_is_found(library: Callable[..., Library]) -> None:
    whole, made = TTCollection(), io.BytesIO()
    whole.fonts = [TTFont(io.BytesIO(font("Fine Sans", style, weight))) for style, weight in (("Regular", 400), ("Bold", 700))]
    whole.save(made)
    there = library(a=made.getvalue())
    assert [there.chain(Wanted(f"FineSans-{style}")).first.weight for style in ("Bold", "Regular")] == [700, 400]


def test_chinese_japanese_and_korean_are_drawn_by_the_extra_font() -> None:
    if eastern(0, 400) is None:
        pytest.skip("the extra cjk is not installed")
    chain = Library((), ()).chain(Wanted("Any-Bold"), "日本語のテキスト")
    face = chain.face_for("語")
    assert face is eastern(0, 700)
    assert face is not eastern(2, 700)
