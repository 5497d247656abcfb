"""Files that try to crash, hang or fill whoever opens them; each function returns the bytes of one."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import msgspec

from templates.bundle import dot_lottie, zip_bytes
from templates.lottie import layers, shapes
from templates.lottie.values import Json, prop
from templates.simple import as_json, simple_document


class Hostile(msgspec.Struct, frozen=True):
    """One hostile file: the suffix it would be uploaded with, and what makes its bytes."""

    name: str
    suffix: str
    make: Callable[[], bytes]


def crash_candidates() -> tuple[Hostile, ...]:
    """List every kind; making them all takes about a second and no more than 60 MB at a time."""
    documents = (
        self_reference,
        reference_ring,
        endless_expression,
        nested_repeaters,
        huge_size,
        no_size,
        no_rate,
        no_frames,
        endless_frames,
    )
    bundles = (zip_bomb, lying_zip, path_trick, truncated_zip, huge_picture, no_manifest)
    files = [Hostile(make.__name__, ".json", make) for make in (*documents, deep_json, truncated_json, not_a_template)]
    return (*files, *(Hostile(make.__name__, ".lottie", make) for make in bundles))


def self_reference() -> bytes:
    """A composition that shows itself."""
    return _with_compositions({"loop": "loop"}, "loop")


def reference_ring() -> bytes:
    """Three compositions that show each other in a ring."""
    return _with_compositions({"a": "b", "b": "c", "c": "a"}, "a")


def endless_expression() -> bytes:
    """An expression that never ends, on the ball's opacity."""
    return _changed(lambda content: content["layers"][1]["ks"]["o"].update(x="var $bm_rt; while (true) {}"))


def nested_repeaters(copies: int = 100_000) -> bytes:
    """A shape repeated a hundred thousand times, and that as often again."""
    turn = {"ty": "tr", "p": prop((1, 0)), "a": prop((0, 0)), "s": prop((100, 100)), "r": prop(1), "so": prop(100), "eo": prop(100)}
    repeater: Json = {"ty": "rp", "c": prop(copies), "o": prop(0), "m": 1, "tr": turn}
    dot = shapes.group("dot", shapes.ellipse((4, 4)), shapes.fill(prop((1, 0, 0))))
    many = shapes.group("many", dot, repeater)
    return _changed(lambda content: content["layers"].insert(0, layers.finished([layers.shapes("dots", many, repeater)], 60)[0]))


def huge_size() -> bytes:
    """A composition of 10^9 x 10^9 pixels."""
    return _changed(lambda content: content.update(w=10**9, h=10**9))


def no_size() -> bytes:
    """A composition without any pixels."""
    return _changed(lambda content: content.update(w=0, h=0))


def no_rate() -> bytes:
    """Zero frames per second."""
    return _changed(lambda content: content.update(fr=0))


def no_frames() -> bytes:
    """An animation that ends where it begins."""
    return _changed(lambda content: content.update(op=0))


def endless_frames() -> bytes:
    """An animation of 10^9 frames, a year long."""
    return _changed(lambda content: content.update(op=10**9))


def deep_json(megabytes: float = 50) -> bytes:
    """Nested lists, most of them opening brackets; a reader that recurses runs out of stack."""
    half = int(megabytes * 500_000)
    return b'{"v":"5.7.0","layers":' + b"[" * half + b"]" * half + b"}"


def truncated_json() -> bytes:
    """A document whose upload broke off."""
    return as_json(simple_document("half of it"))[:900]


def not_a_template() -> bytes:
    """JSON that has nothing to do with Lottie."""
    return b'{"hello": ["world"]}'


def zip_bomb(megabytes: int = 512) -> bytes:
    """A bundle of half a megabyte whose members unpack to half a gigabyte of blanks."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("manifest.json", '{"version":"2","animations":[{"id":"bomb"}]}')
        with archive.open("a/bomb.json", "w", force_zip64=True) as member:
            for _ in range(megabytes):
                member.write(b" " * 1_000_000)
    return whole.getvalue()


def lying_zip() -> bytes:
    """A bundle whose directory says that a member has 100 bytes, where two megabytes unpack."""
    whole = bytearray(zip_bytes({"manifest.json": _manifest("scene"), "a/scene.json": b" " * 2_000_000}))
    true_size = struct.pack("<I", 2_000_000)
    return bytes(whole).replace(true_size, struct.pack("<I", 100))


def path_trick() -> bytes:
    """A bundle whose members want to be written outside the folder that they are unpacked to."""
    names = ("../../outside.json", "/tmp/outside.json", "a/../../outside.json", "a\\..\\..\\outside.json", "C:\\outside.json")
    members = dict.fromkeys(names, b"{}")
    return zip_bytes({"manifest.json": _manifest("../../outside"), "a/scene.json": as_json(simple_document("inside")), **members})


def truncated_zip() -> bytes:
    """A bundle whose upload broke off: its directory, at the end, is missing."""
    whole = dot_lottie({"scene": simple_document("half of it")})
    return whole[: len(whole) * 2 // 3]


def no_manifest() -> bytes:
    """A zip with nothing in it that a template could be made of."""
    return zip_bytes({"readme.txt": b"nothing here"})


def huge_picture() -> bytes:
    """A bundle whose picture says that it is 65,000 x 65,000 pixels, 12 GB once decoded."""
    content = simple_document("a large picture")
    content["assets"] = [{"id": "photo", "w": 320, "h": 180, "u": "/i/", "p": "photo.png", "e": 0}]
    content["layers"] = layers.finished([layers.picture("frl_photo", "photo"), *content["layers"]], 60)
    return dot_lottie({"scene": content}, {"photo.png": huge_png()})


def huge_png(side: int = 65_000) -> bytes:
    """Return a PNG of that many pixels each way, in the header only: its one row is far too short."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def _changed(change: Callable[[Json], object]) -> bytes:
    content = simple_document("hostile")
    change(content)
    return as_json(content)


def _with_compositions(shown: dict[str, str], first: str) -> bytes:
    """Return a document with compositions, each of which shows the one named for it."""
    size = (320, 180)

    def change(content: Json) -> None:
        content["assets"] = [
            {"id": name, "nm": name, "w": 320, "h": 180, "layers": layers.finished([layers.composition(inner, inner, size)], 60)}
            for name, inner in shown.items()
        ]
        content["layers"] = layers.finished([layers.composition(first, first, size), *content["layers"]], 60)

    return _changed(change)


def _manifest(animation: str) -> bytes:
    return as_json({"version": "2", "generator": "FlatRender templates", "animations": [{"id": animation}]})
