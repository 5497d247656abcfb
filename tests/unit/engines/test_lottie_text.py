"""Texts are shaped as readers of their scripts expect, and nothing is drawn as an empty box."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.text import bidi
from node_worker.engines.lottie.text.fonts import Face, Library, Wanted, fold
from node_worker.engines.lottie.text.layout import Layout, Style, lay_out

PERSIAN = "سلام دنیا ۱۲۳ و ABC می‌خواهم"


def place(text: str, **style: Any) -> Layout:
    return lay_out(text, Library((), ()).chain(Wanted("Any-Regular")), Style(**{"size": 50.0, "line_height": 60.0, **style}))


def visual(text: str, line: int = 0, **style: Any) -> list[str]:
    return [
        cluster.text for cluster in sorted(place(text, **style).lines[line].clusters, key=lambda c: c.x) if cluster.text.strip("\u200c ")
    ]


def test_a_persian_text_is_shaped_right_to_left() -> None:
    line = place("سلام").lines[0]
    assert line.rtl
    assert [cluster.text for cluster in line.clusters] == ["س", "لا", "م"]
    assert [cluster.x for cluster in line.clusters] == sorted((cluster.x for cluster in line.clusters), reverse=True)


def test_letters_are_joined() -> None:
    alone, joined = place("ه").lines[0], place("ههه").lines[0]
    forms = {cluster.glyphs[0].number for cluster in joined.clusters}
    assert len(forms) == 3
    assert alone.clusters[0].glyphs[0].number not in {cluster.glyphs[0].number for cluster in joined.clusters[:2]}


def test_digits_and_latin_words_inside_persian_keep_their_order() -> None:
    assert "".join(visual("الف ۱۲۳ ABC")) == "۱۲۳" + "فلا" or visual("الف ۱۲۳ ABC")[-3:] == ["ف", "ل", "ا"]
    shown = visual(PERSIAN)
    assert [char for char in shown if char in "ABC"] == ["A", "B", "C"]
    assert [char for char in shown if char in "۱۲۳"] == ["۱", "۲", "۳"]
    assert shown.index("C") < shown.index("۱")


def test_a_zero_width_non_joiner_separates_without_a_mark_of_its_own() -> None:
    with_it, without = place("می‌خواهم").lines[0], place("میخواهم").lines[0]
    assert with_it.clusters[1].glyphs[0].number != without.clusters[1].glyphs[0].number
    assert not [cluster for cluster in with_it.clusters if cluster.text == "\u200c" and (cluster.advance or cluster.glyphs)]


def test_brackets_are_mirrored_in_right_to_left_text() -> None:
    right = next(c for c in place("(سلام)").lines[0].clusters if c.text == "(")
    left = next(c for c in place("(abc)").lines[0].clusters if c.text == "(")
    assert right.glyphs[0].number != left.glyphs[0].number


def test_latin_gets_ligatures_and_kerning_unless_it_is_spaced() -> None:
    assert [c.text for c in place("fiffi").lines[0].clusters] == ["fi", "ffi"]
    assert [c.text for c in place("fi", tracking=5).lines[0].clusters] == ["f", "i"]
    assert place("AV").lines[0].width < place("A").lines[0].width + place("V").lines[0].width
    assert place("سلام", tracking=5).lines[0].width == place("سلام").lines[0].width


def test_a_mark_stays_on_its_letter() -> None:
    assert [c.text for c in place("مَرْحَبًا").lines[0].clusters] == ["مَ", "رْ", "حَ", "بً", "ا"]


def test_lines_break_at_words_in_reading_order_and_at_every_kind_of_line_end() -> None:
    lines = place("این یک متن بلند فارسی است", width=300, height=300).lines
    assert len(lines) > 1
    assert next(iter(lines[0].clusters)).text == "ا"
    assert all(line.width * 0.5 <= 300 * 1.005 for line in lines)
    assert len(place("a\rb\nc\r\nd\x03e\u2028f").lines) == 6


def test_a_text_shrinks_into_its_box_and_says_when_it_cannot() -> None:
    fitted = place("Supercalifragilistic", width=300, height=80, shrink=True)
    assert 0.5 <= fitted.scale < 1
    assert not fitted.overflows
    lost = place("Supercalifragilistic" * 3, width=200, height=60, shrink=True)
    assert (lost.scale, lost.overflows) == (0.5, True)
    assert place("Supercalifragilistic", width=300, height=80).scale == 1


@pytest.mark.parametrize("height", [100, 200, 400, 1000])
def test_the_last_line_stands_within_its_box_however_high_that_is(height: float) -> None:
    for words in range(4, 400, 7):
        found = place("word " * words, width=400, height=height, shrink=True)
        baseline = ((len(found.lines) - 1) * 60 + 0.9 * 50) * found.scale  # of the last line, from the box's upper edge
        assert found.overflows or baseline <= height * 1.005


def test_characters_without_a_font_are_named_once() -> None:
    assert place("𒀀 a 𒀀𒁀").missing == ("𒀀", "𒁀")


@pytest.mark.parametrize(
    "text",
    ["", " ", "\r\r", "\u200f", "\u0301", "\u2067abc\u2069", "\u202e\u202e\u202c", "\U0001fae8", "\ue000", "a\u0000b", "𐤀", "\u061c١%"],
)
def test_odd_texts_do_not_break_the_shaping(text: str) -> None:
    assert place(text, width=200, height=100, shrink=True).lines


def test_levels_agree_with_the_visual_order_of_mixed_text() -> None:
    found = bidi.levels("abc שלום 12 def", "ltr")
    assert found.base == 0
    assert "".join("abc שלום 12 def"[i] for i in bidi.visual_order(found.of)) == "abc 12 םולש def"


def test_a_file_that_is_no_font_is_refused_calmly(tmp_path: Path) -> None:
    for data in (b"", b"\0\1\0\0", b"OTTO" + b"\xff" * 500, b"ttcf" + b"\0" * 100, b"wOF2" + b"\0" * 100):
        with pytest.raises(ValueError, match="font"):
            Face(data)
    (tmp_path / "broken.ttf").write_bytes(b"OTTO" + b"\xff" * 500)
    assert Library([tmp_path / "broken.ttf"], ()).unreadable == ["broken.ttf"]


def test_font_names_are_compared_without_spaces_and_case() -> None:
    assert fold("Avenir Next-Medium") == fold("avenirnext medium")


def test_a_persons_text_that_no_font_can_draw_is_refused_by_name(build: Any, save: Callable[..., Path], scene: Callable[..., Any]) -> None:
    path = save(build.document(build.text("Title", "Hello")))
    with pytest.raises(TemplateRefused) as caught:
        scene(path, texts={"Title": "Hello 𒀀"})
    assert (caught.value.code, caught.value.field) == ("font.no_glyph", "Title")
    assert "𒀀 (U+12000)" in caught.value.detail


def test_the_templates_own_text_without_a_font_is_a_warning(build: Any, save: Callable[..., Path], scene: Callable[..., Any]) -> None:
    opened = scene(save(build.document(build.text("Title", "𒀀𒁀"))))
    assert {"font.no_glyph", "font.missing"} <= {warning.code for warning in opened.warnings}


def test_texts_are_drawn_where_their_justification_says(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    def columns(justify: int, text: str) -> tuple[int, int]:
        box = {"sz": [280, 100], "ps": [0, -30], "j": justify}
        pixels = picture_of(scene(save(build.document(build.text("T", text, **box)), f"{justify}{len(text)}")))
        dark = np.flatnonzero((pixels[..., :3] < 128).any(axis=(0, 2)))
        return int(dark[0]), int(dark[-1])

    for text in ("Hello", "سلام دنیا"):
        left, right, centre = (columns(justify, text) for justify in (0, 1, 2))
        assert left[0] < 28
        assert right[1] > 290
        assert abs((centre[0] + centre[1]) / 2 - 160) < 5


def test_an_animator_reveals_persian_from_the_right(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    layer = build.text("T", "سلام دنیا", j=1)
    layer["ks"]["p"] = {"a": 0, "k": [300, 60, 0]}
    still = {"a": 0, "k": 0}
    half = {"t": 0, "b": 1, "rn": 0, "sh": 1, "r": 1, "a": {"a": 0, "k": 100}, "xe": still, "ne": still, "sm": still}
    layer["t"]["a"] = [{"nm": "a", "s": {**half, "s": {"a": 0, "k": 50}, "e": {"a": 0, "k": 100}}, "a": {"o": still}}]
    dark = np.flatnonzero((picture_of(scene(save(build.document(layer))))[..., :3] < 128).any(axis=(0, 2)))
    assert dark[-1] > 290
    assert dark[0] > 225


def test_a_given_font_is_found_by_the_name_inside_it(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any], tmp_path: Path
) -> None:
    font = importlib.import_module("pymupdf_fonts.UbuntuMono_Bold").fontbuffer
    (tmp_path / "font").write_bytes(font)
    document = build.document(
        build.text("T", "Wide"), fonts={"list": [{"fName": "Any-Regular", "fFamily": "Ubuntu Mono", "fStyle": "Bold"}]}
    )
    path = save(document)
    without, given = scene(path), scene(path, fonts=(tmp_path / "font",))
    assert ([w.code for w in without.warnings], given.warnings) == (["font.missing"], ())
    assert not np.array_equal(picture_of(without), picture_of(given))
    packed = scene(save({"x.json": document, "fonts/UbuntuMono-B.ttf": font}, "zip"), key="x")
    assert np.array_equal(picture_of(packed), picture_of(given))


def test_a_text_that_the_documents_own_letters_cover_is_left_to_them(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    square = {
        "ty": "sh",
        "ks": {"a": 0, "k": {"i": [[0, 0]] * 4, "o": [[0, 0]] * 4, "v": [[0, 0], [90, 0], [90, -90], [0, -90]], "c": True}},
    }
    chars = [{"ch": c, "fFamily": "F", "style": "R", "size": 9, "w": 100, "data": {"shapes": [{"ty": "gr", "it": [square]}]}} for c in "AB"]
    own = {
        "chars": [*chars, {"ch": "C"}, 5],
        "fonts": {"list": [{"fName": "Any-Regular", "fFamily": "F", "fStyle": "R"}, None, {"fPath": "/x"}]},
    }
    path = save(build.document(build.text("T", "AB"), **own))
    opened = scene(path)
    assert opened.warnings == ()
    assert (picture_of(opened)[35:58, 22:45, :3] == 0).all()
    assert scene(path, texts={"T": "BA"}).warnings == ()
    assert [w.code for w in scene(path, texts={"T": "B 🎉"}).warnings] in ([], ["font.no_emoji"])
    assert [w.code for w in scene(path, texts={"T": "ABC"}).warnings] == ["font.missing"]


def test_a_counter_goes_on_counting_in_a_substitute_font(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    def counter(text: str, expression: str = "") -> Any:
        layer = build.text("T", text)
        if expression:
            layer["t"]["d"]["x"] = expression
        return scene(save(build.document(layer), f"{text}{len(expression)}"))

    counting = counter("0", "var $bm_rt; $bm_rt = '' + Math.floor(time * 30);")
    assert np.array_equal(picture_of(counting, 0.5), picture_of(counter("15"), 0.5))
    assert not np.array_equal(picture_of(counting, 0.5), picture_of(counting, 1.0))


def test_a_packaged_font_is_no_substitute_when_it_is_asked_for() -> None:
    library = Library((), ())
    assert library.chain(Wanted("FiraGO-Regular")).found
    assert library.chain(Wanted("x", "Noto Sans", "Bold")).found
    assert not library.chain(Wanted("Roboto-Bold")).found
