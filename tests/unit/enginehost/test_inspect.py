"""Uploaded files: told by their content, bounded, and refused with a reason that helps."""

import gzip
import hashlib
import io
import struct
import wave
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image

from node_worker.engines.base import TemplateRefused
from node_worker.inspect import inspect
from tests.unit.enginehost.synthetic import SyntheticEngine


def look(path: Path):
    return inspect(path, path.parent, SyntheticEngine())


def refused(path: Path) -> str:
    with pytest.raises(TemplateRefused) as caught:
        look(path)
    return caught.value.code


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def png_header(width: int, height: int) -> bytes:
    """A PNG that only claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    )


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_is_told_by_its_content_whatever_its_name(tmp_path, name):
    path = tmp_path / "holiday.txt"
    Image.new("RGB", (40, 30), "red").save(path, name)
    found = look(path)
    assert (found.kind, found.format, found.width, found.height) == ("picture", name.lower(), 40, 30)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.bytes == path.stat().st_size


def test_a_picture_of_65000_pixels_a_side_is_refused_by_its_header(tmp_path):
    assert refused(write(tmp_path / "p", png_header(65_000, 65_000))) == "picture.too_large"
    assert refused(write(tmp_path / "p", png_header(16_000, 4_000))) == "picture.too_large"
    assert refused(write(tmp_path / "p", png_header(20_000, 10))) == "picture.too_large"


def test_a_cut_picture_is_refused(tmp_path):
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (80, 80, 3), dtype=np.uint8)).save(data, "PNG")
    assert refused(write(tmp_path / "p", data.getvalue()[:5000])) == "picture.unreadable"
    assert refused(write(tmp_path / "p", b"\xff\xd8\xff\xe0 not a photo")) == "picture.unreadable"


def tone(path: Path, name: str, codec: str, seconds: float = 2.0, film: bool = False) -> Path:
    """A sound (and a film) in a container of this name."""
    with av.open(path, "w", format=name) as container:
        sound = container.add_stream(codec, rate=48_000, layout="stereo")
        picture = container.add_stream("libx264", rate=25) if film else None
        if picture:
            picture.width, picture.height, picture.pix_fmt = 64, 36, "yuv420p"
            for index in range(int(seconds * 25)):
                frame = av.VideoFrame(64, 36, "yuv420p")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        resampler = av.AudioResampler(sound.codec_context.format, "stereo", 48_000, sound.codec_context.frame_size or 1024)
        samples = np.zeros((2, int(seconds * 48_000)), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
        frame.sample_rate = 48_000
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(
    ("container", "codec", "told"),
    [
        ("wav", "pcm_s16le", "wav"),
        ("mp3", "libmp3lame", "mp3"),
        ("flac", "flac", "flac"),
        ("ogg", "libopus", "ogg"),
        ("ipod", "aac", "mp4"),
        ("adts", "aac", "aac"),
        ("aiff", "pcm_s16be", "aiff"),
    ],
)
def test_a_sound_is_told_with_its_length(tmp_path, container, codec, told):
    found = look(tone(tmp_path / "sound", container, codec))
    assert (found.kind, found.format) == ("audio", told)
    assert found.duration == pytest.approx(2.0, abs=0.15)


def test_a_film_is_told_with_its_size_and_length(tmp_path):
    found = look(tone(tmp_path / "film", "mp4", "aac", film=True))
    assert (found.kind, found.format, found.width, found.height) == ("video", "mp4", 64, 36)
    assert found.duration == pytest.approx(2.0, abs=0.1)


def test_a_film_without_sound_is_refused_as_nothing_else_of_it_is_used(tmp_path):
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 36, "yuv420p")))
        container.mux(stream.encode(None))
    assert refused(path) == "video.silent"


def test_damaged_sounds_and_films_are_refused(tmp_path):
    assert refused(write(tmp_path / "s", b"RIFF\x24\x00\x00\x00WAVEfmt ")) == "audio.unreadable"
    assert refused(write(tmp_path / "s", b"ID3\x04" + b"\0" * 500)) == "audio.unreadable"
    film = tone(tmp_path / "film", "mp4", "aac", film=True).read_bytes()
    assert refused(write(tmp_path / "s", film[: len(film) // 2])) == "video.unreadable"


def test_a_sound_longer_than_a_day_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "s"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, 1, 0, "NONE", ""))
        file.writeframes(bytes(90_000))
    assert refused(path) == "media.too_long"


def font(path: Path, characters: str = "ab") -> Path:
    """A font of one family with a box for each character."""
    names = [".notdef", *(f"c{ord(one)}" for one in characters)]
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, 500))
    pen.lineTo((500, 0))
    pen.closePath()
    box = pen.glyph()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(one): f"c{ord(one)}" for one in characters})
    builder.setupGlyf(dict.fromkeys(names, box))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Bold", "fullName": "Boxes Bold", "psName": "Boxes-Bold"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def test_a_font_is_told_with_its_names(tmp_path):
    found = look(font(tmp_path / "f"))
    assert (found.kind, found.format) == ("font", "ttf")
    assert [(face.family, face.style, face.full, face.postscript) for face in found.fonts] == [
        ("Boxes", "Bold", "Boxes Bold", "Boxes-Bold")
    ]


def test_damaged_empty_and_web_fonts_are_refused(tmp_path):
    data = font(tmp_path / "f").read_bytes()
    assert refused(write(tmp_path / "g", data[: len(data) // 2])) == "font.unreadable"
    assert refused(write(tmp_path / "g", data[:4] + b"\xff" * 400)) == "font.unreadable"
    assert refused(write(tmp_path / "g", b"wOF2" + bytes(100))) == "font.unreadable"
    assert refused(font(tmp_path / "f", "")) == "font.unreadable"


def test_every_cut_of_a_font_is_read_or_refused(tmp_path):
    data = font(tmp_path / "f").read_bytes()
    for length in range(4, len(data), 37):
        path = write(tmp_path / "g", data[:length])
        try:
            look(path)
        except TemplateRefused as error:
            assert error.code == "font.unreadable"


def test_a_template_is_scanned_and_its_refusal_passed_on(tmp_path):
    found = look(write(tmp_path / "t", b'\xef\xbb\xbf\n {"layers": []}'))
    assert (found.kind, found.format, found.width, found.duration) == ("template", "lottie-json", 64, 2.0)
    assert found.scan is not None and found.scan.scenes[0].key == "one"
    assert look(write(tmp_path / "t", b"PK\x03\x04 zip")).kind == "template"
    assert refused(write(tmp_path / "t", b'{"bad": 1}')) == "template.unreadable"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_a_template_is_told_in_whatever_encoding_and_packed_too(tmp_path, encoding):
    text = '{"nm": "سلام", "layers": []}'.encode(encoding)
    assert look(write(tmp_path / "t", text)).kind == "template"
    assert look(write(tmp_path / "t", gzip.compress(text))).kind == "template"


def test_packed_files_that_hold_no_template_are_unknown(tmp_path):
    assert look(write(tmp_path / "u", gzip.compress(b"not a template"))).kind == "unknown"
    assert look(write(tmp_path / "u", b"\x1f\x8b\x08 no archive at all")).kind == "unknown"


def test_other_files_are_unknown_and_empty_ones_refused(tmp_path):
    assert look(write(tmp_path / "u", b"%PDF-1.7")).kind == "unknown"
    assert look(write(tmp_path / "u", b"#EXTM3U\nfile:///etc/passwd")).kind == "unknown"
    assert refused(write(tmp_path / "u", b"")) == "file.empty"
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "nowhere")
