"""Pictures come out upright, in sRGB, in 8 bits, whatever they were saved as; or they are refused with what to do."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from node_worker.engines.base import TemplateRefused
from node_worker.pictures.decode import decode, measure
from node_worker.pictures.fit import Lie, lie_of

RAMP = np.tile(np.linspace(0, 1, 64), (16, 1))
COLOURS = Image.fromarray((np.stack([RAMP, RAMP / 2, 1 - RAMP], axis=-1) * 255).astype(np.uint8))
WIDE = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)  # the places of Display P3's white and colours


def saved(image: Image.Image, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_16_bits(values: np.ndarray, kind: int) -> bytes:
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pixels(raw: bytes, **how: Any) -> np.ndarray:
    return np.asarray(decode(raw, "photo", **how).image).astype(int)


def profile(places: tuple[float, ...], name: str = "sRGB") -> bytes:
    """An ICC profile of sRGB's curve with other colours, named as something else: version 2, a matrix and curves."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    to_xyz = [np.array([x / y, 1, (1 - x - y) / y]) for x, y in zip(places[::2], places[1::2], strict=True)]
    columns = np.array(to_xyz[1:]).T
    matrix = columns * np.linalg.solve(columns, to_xyz[0])
    d50 = np.array([0.9642, 1.0, 0.8249])
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ d50) / (bradford @ to_xyz[0])) @ bradford
    adapted = adapt @ matrix
    curve = b"curv\0\0\0\0" + struct.pack(">I", 1) + struct.pack(">H", round(2.2 * 256)) + b"\0\0"
    title = name.encode()
    parts = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(title) + 1) + title + b"\0" * 79,
        b"wtpt": b"XYZ \0\0\0\0" + b"".join(map(fixed, d50)),
        **{tag: b"XYZ \0\0\0\0" + b"".join(map(fixed, adapted[:, at])) for at, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body, at = b"", b"", 128 + 4 + 12 * len(parts)
    for tag, part in parts.items():
        padded = part + b"\0" * (-len(part) % 4)
        table += tag + struct.pack(">II", at + len(body), len(part))
        body += padded
    whole = struct.pack(">I", len(parts)) + table + body
    head = struct.pack(">I4sI4s4s4s", 128 + len(whole), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ") + b"\0" * 12 + b"acsp"
    return head + b"\0" * 28 + b"".join(map(fixed, d50)) + b"\0" * 48 + whole


@pytest.mark.parametrize(
    "raw",
    [
        png_of_16_bits((RAMP[..., None] * 65535).astype(np.uint16), 0),
        saved(Image.fromarray((RAMP * 65535).astype(np.uint16)), "TIFF"),
        saved(Image.fromarray((RAMP * 65535).astype(np.int32)), "TIFF"),
        saved(Image.fromarray(RAMP.astype(np.float32)), "TIFF"),
        saved(Image.fromarray((RAMP * 255).astype(np.float32)), "TIFF"),
    ],
    ids=["PNG of 16 bits", "TIFF of 16 bits", "TIFF of 32 bits", "fractions to 1", "fractions to 255"],
)
def test_a_ramp_of_more_than_8_bits_is_a_ramp(raw):
    assert np.abs(pixels(raw)[8, :, 0] - RAMP[8] * 255).max() <= 1


@pytest.mark.parametrize(
    ("image", "name"),
    [
        *((COLOURS, name) for name in ("PNG", "GIF", "BMP", "TIFF")),
        (COLOURS.convert("CMYK"), "TIFF"),
        (COLOURS.convert("CMYK"), "JPEG"),
        (COLOURS.convert("YCbCr"), "TIFF"),
        (COLOURS, "AVIF"),
        (COLOURS.quantize(64), "PNG"),
    ],
)
def test_every_mode_comes_out_in_its_colours(image, name):
    options = {"quality": 95} if name in ("JPEG", "AVIF") else {}
    assert np.abs(pixels(saved(image, name, **options))[8, 4:60] - np.asarray(COLOURS)[8, 4:60]).max() <= 8


def test_a_picture_in_lab_comes_out_in_its_colours():
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    raw = saved(ImageCms.applyTransform(COLOURS, to_lab), "TIFF")
    assert np.abs(pixels(raw)[8, 32] - np.asarray(COLOURS)[8, 32]).max() <= 2


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_what_is_transparent_stays_so(mode):
    image = COLOURS.convert("RGBA")
    image.putalpha(Image.fromarray((RAMP * 255).astype(np.uint8)))
    raw = saved(COLOURS.quantize(8), "PNG", transparency=0) if mode == "P" else saved(image.convert(mode), "PNG")
    assert set(pixels(raw)[..., 3].ravel()) >= ({0, 255} if mode == "P" else {0, 129, 255})


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_colours_are_brought_to_srgb_by_the_maths_of_the_profile_and_not_by_its_name(name):
    """Display P3's (200, 100, 100) is sRGB's (216, 97, 98): its numbers for the same light."""
    options = {"lossless": True} if name == "WEBP" else {"quality": 95} if name in ("JPEG", "AVIF") else {}
    raw = saved(Image.new("RGB", (32, 32), (200, 100, 100)), name, icc_profile=profile(WIDE, "sRGB IEC61966-2.1"), **options)
    assert np.abs(pixels(raw)[16, 16] - [216, 96, 98]).max() <= 3


def test_a_profile_of_srgb_changes_nothing_and_one_that_is_broken_or_of_another_space_is_passed_over():
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for raw in (plain, b"x" * 300, b""):
        assert np.array_equal(pixels(saved(COLOURS, "PNG", icc_profile=raw)), np.asarray(COLOURS))
    grey = COLOURS.convert("L")
    assert np.array_equal(pixels(saved(grey, "PNG", icc_profile=plain))[..., 0], np.asarray(grey))


def test_a_png_says_its_gamma_and_colours_by_chunks():
    raw = saved(Image.new("RGB", (8, 8), (200, 100, 100)), "PNG")

    def with_chunks(gamma: int, places: tuple[float, ...] = ()) -> np.ndarray:
        told = chunk(b"gAMA", struct.pack(">I", gamma))
        told += chunk(b"cHRM", struct.pack(">8I", *(round(part * 100_000) for part in places))) if places else b""
        return pixels(raw[:33] + told + raw[33:])[4, 4]

    assert list(with_chunks(45455)) == [200, 100, 100]
    assert list(with_chunks(100_000)) == [229, 168, 168]  # light itself
    assert np.abs(with_chunks(45455, WIDE) - [216, 96, 98]).max() <= 3
    assert list(with_chunks(45455, (0.0,) * 8)) == [200, 100, 100]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_of_a_camera_on_its_side_is_measured_and_drawn_upright(name):
    turned = Image.Exif()
    turned[0x0112] = 6
    raw = saved(COLOURS, name, exif=turned)
    assert measure(raw, "photo") == (name, (16, 64))
    assert decode(raw, "photo").image.size == (16, 64)


def test_a_picture_lies_in_its_place_as_it_is_asked_to():
    raw = saved(Image.new("RGB", (40, 20), "red"), "PNG")
    whole = pixels(raw, place=(30, 60), lie=Lie("contain"))
    assert whole.shape == (60, 30, 4) and whole[30, 15].tolist() == [255, 0, 0, 255] and whole[5, 15, 3] == 0
    assert pixels(raw, place=(30, 60), lie=Lie("contain", 0.5, 0.0))[5, 15, 3] == 255
    assert pixels(raw, place=(30, 60), lie=Lie("crop")).shape == (60, 30, 3)
    halves = Image.new("RGB", (40, 20), "red")
    halves.paste("blue", (20, 0, 40, 20))
    for lie, colour in ((Lie("crop", 0.0, 0.5), [255, 0, 0]), (Lie("crop", 1.0, 0.5), [0, 0, 255])):
        assert pixels(saved(halves, "PNG"), place=(10, 20), lie=lie)[10, 5].tolist() == colour
    stretched = pixels(saved(halves, "PNG"), place=(20, 60), lie=Lie("fill"))
    assert stretched[30, 3].tolist() == [255, 0, 0] and stretched[30, 17].tolist() == [0, 0, 255]


def test_a_picture_of_inks_keeps_its_colours_where_its_place_is_larger():
    raw = saved(COLOURS.convert("CMYK"), "TIFF")
    assert np.abs(pixels(raw, place=(64, 64), lie=Lie("contain"))[32, :, :3] - np.asarray(COLOURS)[8]).max() <= 8
    grey = saved(COLOURS.convert("L"), "PNG")
    assert pixels(grey, place=(64, 64), lie=Lie("contain"))[2, 2, 3] == 0


def test_a_document_says_how_its_pictures_lie():
    assert lie_of("xMidYMid meet") == Lie("contain") and lie_of("xMinYMax") == Lie("contain", 0.0, 1.0)
    assert lie_of("xMaxYMin slice") == Lie("crop", 1.0, 0.0) and lie_of("none") == Lie("fill")
    assert all(lie_of(other) == Lie("crop") for other in (None, 5, "", "meet", ["none"]))


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"\xff\n" + b"\0" * 40, "picture.format", "JPEG XL"),
        (b"8BPS" + b"\0" * 40, "picture.format", "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n" + b"\0" * 40, "picture.format", "JPEG 2000"),
        (b"no picture", "picture.unreadable", "AVIF"),
        (saved(COLOURS, "JPEG")[:300], "picture.unreadable", "save it again"),
        (saved(COLOURS, "AVIF")[:300], "picture.unreadable", "save it again"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_remedy(raw, code, words):
    with pytest.raises(TemplateRefused) as caught:
        decode(raw, "photo")
    assert (caught.value.code, caught.value.field) == (code, "photo") and words in caught.value.detail


def test_a_phones_picture_is_drawn_where_its_library_is_and_else_refused_with_the_remedy(monkeypatch):
    head = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + b"\0" * 40
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TemplateRefused, match=r"HEIC.*JPEG.*flatrender\[heic\]"):
        decode(head, "photo")
    monkeypatch.undo()
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    assert np.abs(pixels(saved(COLOURS, "HEIF", quality=95))[8, 4:60] - np.asarray(COLOURS)[8, 4:60]).max() <= 8
