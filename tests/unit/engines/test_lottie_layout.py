"""Texts of many scripts stand where a browser puts them, in a line and in a box."""

import json
from typing import Any

import pytest

from node_worker.engines.lottie.text import bidi, breaks, faces
from node_worker.engines.lottie.text.characters import east_of, is_emoji, modern
from node_worker.engines.lottie.text.fonts import Library, Wanted
from node_worker.engines.lottie.text.layout import Layout, Style, lay_out
from tests.documents.texts import REFERENCES, TEXTS, differences

_BROWSER = json.loads(REFERENCES.read_text(encoding="utf-8"))


def place(text: str, **style: Any) -> Layout:
    whole = {"size": 40.0, "line_height": 60.0, **({"height": 1000.0} if "width" in style else {}), **style}
    return lay_out(text, Library((), ()).chain(Wanted("FiraGO-Regular"), text), Style(**whole))


def lines(text: str, width: float, **style: Any) -> list[str]:
    """The lines of a text in a box, as their clusters read."""
    return ["".join(cluster.text for cluster in line.clusters) for line in place(text, width=width, **style).lines]


def visual(text: str, **style: Any) -> str:
    return "".join(cluster.text for cluster in sorted(place(text, **style).lines[0].clusters, key=lambda one: one.x))


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_stands_where_a_browser_puts_it(name: str) -> None:
    if name.startswith("emoji") and faces.emoji() is None:
        pytest.skip("the font for emoji is not there")
    assert differences(name, _BROWSER) == []


@pytest.mark.parametrize(
    ("text", "by_place"),
    [
        ("Hello!", "llll"),
        ("سلام", "rrrr"),
        ("۱۲ - ۵!", "llrl"),
        ("", "llrl"),
        ("iPhone 15 رسید!", "rrrr"),
        ("iPhone 15 رسید! 🎉", "rrrr"),
        ("iPhone 15 رسید", "lrrr"),
        ("Ofogh · افق", "lrrr"),
        ("سلام dear friend of mine", "rrrr"),
        ("The word for peace is سلام", "llrl"),
        ("The word for peace is سلام!", "llrl"),
        ("Galaxy تازه به بازار آمد", "rrrr"),
        ("A/B תל אביב", "rrrr"),
    ],
)
def test_a_text_reads_as_its_letters_say_and_else_as_its_place(text: str, by_place: str) -> None:
    places = ("Your title", None, "عنوان شما", "x")
    found = [bidi.reads(text, bidi.meant_to_read(place)) for place in places]
    assert "".join(reading[0] for reading in found) == by_place


def test_each_paragraph_reads_by_itself_unless_a_person_says() -> None:
    assert [line.rtl for line in place("Hello, dear friend!\nسلام\n12").lines] == [False, True, False]
    assert [line.rtl for line in place("سلام\nHello!\n12").lines] == [True, False, True]
    assert [line.rtl for line in place("Hello!\n12", reading="rtl").lines] == [True, True]
    assert visual("Hello!", reading="rtl") == "!Hello"


def test_addresses_break_after_their_parts_and_thai_between_words() -> None:
    assert lines("https://example.com/a/very-long_path/index.html", 330) == ["https://", "example.com/a/", "very-long_path/", "index.html"]
    assert breaks.lines("สวัสดีชาวโลก") == [6, 9, 12]
    assert breaks.lines("C++ a%b x|y and/or 5-7") == [4, 8, 10, 12, 16, 19, 22]
    assert breaks.lines("می‌خواهم 😀 بروم") == [9, 11, 15]


def test_a_soft_hyphen_is_drawn_only_where_a_line_ends() -> None:
    assert lines("Rind\u00adfleisch\u00adetikett", 250) == ["Rind\u00adfleisch\u2010", "etikett"]
    hyphen = place("Rind\u00adfleisch\u00adetikett", width=250).lines[0].clusters[-1]
    assert hyphen.glyphs
    assert not any(cluster.glyphs for cluster in place("Rind\u00adfleisch").lines[0].clusters if "\u00ad" in cluster.text)


def test_a_word_wider_than_its_box_is_broken_at_full_size_and_named() -> None:
    found = place("Supercalifragilisticexpialidocious", width=200, height=300, shrink=True)
    assert (found.scale, found.overflows, found.torn) == (1.0, False, "Supercalifragilisticexpialidocious")
    assert not place("Supercalifragilistic", width=300, height=300, shrink=True).torn


def test_filled_lines_reach_both_sides_but_for_the_last() -> None:
    text = "این یک متن بلند فارسی است که سطرهایش باید از دو سو پر شوند"
    *full, last = place(text, width=400, justified=True).lines
    assert full
    assert all(line.width == pytest.approx(1000) for line in full)
    assert last.width < 900
    assert all(line.width == pytest.approx(1000) for line in place(text, width=400, justified=True, last_too=True).lines)


def test_every_paragraph_has_a_last_line_and_letters_without_blanks_move_apart() -> None:
    found = place("one two three four five six\nseven", width=200, justified=True).lines
    assert [line.width < 499 for line in found][-1]
    assert [line.last for line in found].count(True) == 2
    if faces.eastern(2, 400) is not None:
        ideographs = place("日本語組版処理の要件", width=210, justified=True).lines[0]
        assert ideographs.width == pytest.approx(525)


def test_kashida_stretches_words_between_letters_that_join_and_tears_no_ligature() -> None:
    text = "سلام کتاب جدید نسخه است لا ورود دارد دراز"
    plain, long = (place(text, width=400, justified=True, kashida=kashida).lines for kashida in (False, True))
    shown = ["".join(cluster.text for cluster in line.clusters) for line in long]
    assert all(line.width == pytest.approx(1000) for line in long[:-1])
    assert "ـ" in shown[0]
    assert "ـ" not in shown[-1]
    assert not any(wrong in line for line in shown for wrong in ("لـا", "وـ", "دـ", "رـ", " ـ"))
    assert [line.replace("ـ", "") for line in shown] == ["".join(cluster.text for cluster in line.clusters) for line in plain]
    blank = [next(cluster.advance for cluster in lines[0].clusters if cluster.space) for lines in (plain, long)]
    assert blank[1] < blank[0]


def test_tracking_parts_letters_that_stand_alone_and_widens_the_blanks_of_those_that_join() -> None:
    def spread(text: str) -> float:
        return place(text, tracking=10).lines[0].width - place(text).lines[0].width

    assert spread("سلام") == 0
    assert spread("سلام دنیا") == pytest.approx(10)
    assert spread("שלום") == pytest.approx(40)
    assert spread("x\u200ey") == pytest.approx(20)
    assert spread("،5") == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ﺳﻼﻡ ﺩﻧﻴﺎ", "سلام دنيا"),
        ("(abc) 123 ﺎﻴﻧﺩ ﻡﻼﺳ", "سلام دنيا 123 (abc)"),
        ("ﷲ ﷺ ﬁ", "ﷲ ﷺ ﬁ"),
        ("שׁלום", "שׁלום"),
        ("plain", "plain"),
    ],
)
def test_presentation_forms_become_the_letters_that_they_stand_for(old: str, new: str) -> None:
    assert modern(old) == new


def test_a_sign_that_no_font_has_is_spelled_out() -> None:
    found = place("ﷺ")
    assert found.missing == ()
    assert "".join(cluster.text for cluster in found.lines[0].clusters) == "صلى الله عليه وسلم"
    assert place("½").lines[0].clusters[0].text == "½"


def test_a_mark_that_a_letters_font_lacks_comes_from_another_or_is_named() -> None:
    borrowed = place("가\u0323")
    if faces.eastern(1, 400) is not None:
        assert borrowed.missing == ()
        assert [len(cluster.glyphs) for cluster in borrowed.lines[0].clusters] == [1, 1]
    lost = place("ب\u08f0x")
    assert lost.missing == ("\u08f0",)
    assert lost.lines[0].width == pytest.approx(place("بx").lines[0].width)


def test_emoji_are_told_from_letters() -> None:
    assert all(map(is_emoji, ("😀", "❤\ufe0f", "👍🏽", "1\ufe0f\u20e3", "🇮🇷", "👨‍👩‍👧", "☝🏽")))
    assert not any(map(is_emoji, ("a", "1", "❤", "⌚\ufe0e", "©", "🇮", "☎", "سلام")))


def test_forms_of_chinese_letters_follow_the_text() -> None:
    assert [east_of(text) for text in ("カメラ撮影", "한국어 漢字", "简体中文", "繁體中文", "Latin")] == [0, 1, 2, 3, 2]
