"""Emoji are drawn in colours where their text leaves room for them, and a text that does not fit is told."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy import emoji as bring
from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie.prepare import load
from node_worker.engines.lottie.text import emoji, faces, layers
from node_worker.engines.lottie.text.fonts import Library

Document = dict[str, Any]
_HAS_EMOJI = pytest.mark.skipif(faces.emoji() is None, reason="the font for emoji is not there: make env brings it")


def shaped(document: Document) -> tuple[Document, list[str]]:
    """A document whose texts are shaped, and the codes of what was noticed."""
    warnings = layers.shape_texts(document, Library((), ()))
    return document, [warning.code for warning in warnings if warning.code != "font.missing"]


def pictures(document: Document) -> list[Document]:
    return [layer for layer in document["layers"] if layer["ty"] == 2]


@_HAS_EMOJI
def test_an_emoji_is_a_picture_in_colours_within_its_text(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    path = save(build.document(build.text("T", "x")))
    opened = scene(path, texts={"T": "a 🇮🇷 b"})
    assert [warning.code for warning in opened.warnings] == ["font.missing"]
    pixels = picture_of(opened)[..., :3].astype(int)
    green = (pixels[..., 1] - pixels[..., 0] > 60).any(axis=0)
    dark = (pixels.max(axis=2) < 60).any(axis=0)
    columns = np.flatnonzero(green)
    assert columns.size > 20
    assert np.flatnonzero(dark)[0] < columns[0]
    assert np.flatnonzero(dark)[-1] > columns[-1]


@_HAS_EMOJI
def test_pictures_hang_on_their_text_and_share_what_it_has(build: Any) -> None:
    layer = build.text("T", "🎉 a 🎉", j=2)
    fading = {"a": 1, "k": [{"t": 0, "s": [0]}, {"t": 9, "s": [100]}]}
    layer["ks"]["o"] = fading
    layer.update(tt=1, bm=3)
    matte = build.rectangle("M", [1, 0, 0], td=1)
    document, _ = shaped(build.document(matte, layer))
    shown = pictures(document)
    assert [one["parent"] for one in shown] == [layer["ind"]] * 2
    assert {one["refId"] for one in shown} == {document["assets"][0]["id"]}
    assert all(one["ks"]["o"] == fading and one["bm"] == 3 and one["tt"] == 1 and one["tp"] == matte["ind"] for one in shown)
    left, right = (one["ks"]["p"]["k"][0] for one in shown)
    assert left < -30 < 0 < right


@_HAS_EMOJI
def test_a_mask_is_written_in_the_pictures_own_coordinates(build: Any) -> None:
    layer = build.text("T", "🎉")
    corners = [[0, -50], [80, -50], [80, 20], [0, 20]]
    path = {"a": 0, "k": {"c": True, "v": corners, "i": [[0, 0]] * 4, "o": [[5, 0]] * 4}}
    layer.update(hasMask=True, masksProperties=[{"mode": "a", "pt": path, "o": {"a": 0, "k": 100}}])
    document, _ = shaped(build.document(layer))
    (picture,) = pictures(document)
    factor = picture["ks"]["s"]["k"][0] / 100
    x, y, _ = picture["ks"]["p"]["k"]
    moved = picture["masksProperties"][0]["pt"]["k"]
    assert [[a * factor + x, b * factor + y] for a, b in moved["v"]] == [pytest.approx(corner) for corner in corners]
    assert moved["o"][0] == pytest.approx([5 / factor, 0])
    assert path["k"]["v"] == corners


@_HAS_EMOJI
def test_each_text_of_a_keyframe_shows_its_own_pictures(build: Any) -> None:
    layer = build.text("T", "🎉")
    layer["t"]["d"]["k"].append({"t": 20, "s": {**layer["t"]["d"]["k"][0]["s"], "t": "a 🇮🇷"}})
    document, _ = shaped(build.document(layer))
    assert [(one["ip"], one["op"]) for one in pictures(document)] == [(0, 20), (20, 60)]


@_HAS_EMOJI
@pytest.mark.parametrize("odd", [5, True, None, "x", [], {}, [None], {"k": 3}, {"a": 1, "k": [{"t": 0, "s": 5}, {"t": 9, "s": None}, 7]}])
def test_odd_fields_beside_an_emoji_break_nothing(build: Any, odd: object) -> None:
    layer = build.text("T", "🎉")
    layer["ks"] = {**layer["ks"], "s": odd, "o": odd}
    path = {"a": 0, "k": {"v": odd, "i": odd, "o": [odd]}}
    layer.update(masksProperties=[{"pt": odd}, {"pt": path, "x": odd}], tt=odd, ind=odd, hasMask=odd)
    assert len(pictures(shaped(build.document(layer))[0])) == 1


@_HAS_EMOJI
def test_large_masks_are_not_repeated_without_end(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emoji, "MAX_DOCUMENT", 3000)
    layer = build.text("T", "🎉🎉🎉")
    layer["masksProperties"] = [{"pt": {"a": 0, "k": {"v": [[0, 0]] * 300, "i": [], "o": []}}}]
    with pytest.raises(TemplateRefused, match="too large to be repeated"):
        shaped(build.document(layer))


@_HAS_EMOJI
def test_a_text_that_is_a_matte_says_that_its_emoji_are_left_out(build: Any) -> None:
    document, codes = shaped(build.document(build.text("T", "a 🎉") | {"td": 1}))
    assert (pictures(document), codes) == ([], ["text.emoji_matte"])


@_HAS_EMOJI
def test_one_picture_is_drawn_the_same_each_time() -> None:
    face = faces.emoji()
    assert face is not None
    glyph = face.font.get_nominal_glyph(ord("🎉"))
    first = emoji._picture(face, glyph, 96)
    emoji._picture.cache_clear()
    assert emoji._picture(face, glyph, 96) == first
    assert first is not None
    assert first.size[0] > 80


def test_without_the_font_emoji_are_left_out_and_told(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "emoji", lambda: None)
    layer = build.text("T", "a 👍🏽!")
    layer["t"]["d"]["k"][0]["s"][layers.FIELD] = "T"
    document, codes = shaped(build.document(layer))
    assert (pictures(document), codes) == ([], ["font.no_emoji"])


def test_the_font_is_brought_once_and_its_absence_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bring.shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(bring, "EMOJI", tmp_path / "font.ttf")
    assert bring.main() == 1
    assert "npm was not found" in capsys.readouterr().err
    (tmp_path / "font.ttf").write_bytes(b"a font")
    monkeypatch.setattr(bring, "_SHA256", hashlib.sha256(b"a font").hexdigest())
    assert bring.main() == 0


@pytest.mark.parametrize(
    ("value", "told"),
    [("Short", False), ("A title that is far too long for a picture of this width", True)],
)
def test_a_text_that_the_pictures_edge_cuts_is_told(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], value: str, told: bool
) -> None:
    path = save(build.document(build.text("T", "Title")))
    codes = [(warning.code, warning.element) for warning in scene(path, texts={"T": value}).warnings]
    assert (("text.outside", "T") in codes) == told


def test_a_text_that_runs_through_the_picture_may_be_longer(build: Any, save: Callable[..., Path], scene: Callable[..., Any]) -> None:
    path = save(build.document(build.text("T", "News " * 30)))
    assert "text.outside" not in [warning.code for warning in scene(path, texts={"T": "More news " * 30}).warnings]


def test_a_text_deep_in_other_compositions_is_told_too(build: Any, save: Callable[..., Path], scene: Callable[..., Any]) -> None:
    inner = {"id": "inner", "layers": [build.text("T", "Title")]}
    outer = build.layer(0, "comp", refId="inner", w=320, h=180)
    outer["ks"] = {**outer["ks"], "p": {"a": 0, "k": [100, 0, 0]}}
    path = save(build.document(outer, assets=[inner]))
    assert "text.outside" not in [warning.code for warning in scene(path, texts={"T": "A fine title"}).warnings]
    assert "text.outside" in [warning.code for warning in scene(path, texts={"T": "A fine title, and more"}).warnings]


def test_a_person_says_which_way_a_text_reads(
    build: Any, save: Callable[..., Path], scene: Callable[..., Any], picture_of: Callable[..., Any]
) -> None:
    path = save(build.document(build.text("T", "x")))

    def picture(**values: Any) -> Any:
        return picture_of(scene(path, texts={"T": "Hello!"}, **values))

    plain = picture()
    assert np.array_equal(picture(directions={"T": "auto"}), plain)
    assert np.array_equal(picture(directions={"T": "ltr"}), plain)
    assert not np.array_equal(picture(directions={"T": "rtl"}), plain)


def test_where_letters_lie_is_told_without_changing_the_document(build: Any) -> None:
    document = load(json.dumps(build.document(build.text("T", "Hx", j=2))).encode())
    text = document["layers"][0]["t"]["d"]["k"][0]["s"]
    before = dict(text)
    left, top, right, bottom = layers.measurer(document, Library((), ()))(text)
    assert text == before
    assert left == pytest.approx((left - right) / 2, abs=2)
    assert -25 < top < -18
    assert bottom == pytest.approx(0, abs=1)
