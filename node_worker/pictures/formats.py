"""Which picture formats are drawn, told by a file's first bytes, and what to do about those that are not."""

import importlib.util

from PIL import features

from node_worker.engines.base import TemplateRefused

MAX_SIDE, MAX_PIXELS = 16_384, 64_000_000
SVG, HEIF, AVIF = "SVG", "HEIF", "AVIF"
_DRAWN = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

_AT_START = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"8BPS", "Photoshop"),
    (b"\x00\x00\x00\x0cjP  \r\n", "JPEG 2000"),
    (b"\xffO\xffQ", "JPEG 2000"),
    (b"\xff\n", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \r\n", "JPEG XL"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"gimp xcf", "GIMP"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
)
# Brands of the ISO container (ISO/IEC 23008-12 and the AV1 image file format), as its first box lists them.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), HEIF),
}
_AFTER_NAME = (b" ", b"\t", b"\r", b"\n", b">", b"/")


def format_of(head: bytes) -> str | None:
    """Name the picture format of a file that begins with `head` (1 kB or more of it), drawn or not; None if it is no picture."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        length = min(int.from_bytes(head[:4]), 128)
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
    if is_svg(head):
        return SVG
    return next((name for magic, name in _AT_START if head.startswith(magic)), None)


def is_svg(head: bytes) -> bool:
    """Whether a file is an SVG drawing: in UTF-8 or UTF-16, packed or not."""
    if head.startswith(b"\x1f\x8b"):
        from node_worker.pictures.svg.source import unpacked

        head = unpacked(head, 4096)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head[: len(head) // 2 * 2].decode("utf-16", errors="replace").encode()
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for opened, closed in ((b"<?", b"?>"), (b"<!--", b"-->")) * 4:  # what may stand before the drawing, in either order
        while head.startswith(opened):
            head = head.partition(closed)[2].lstrip()
    if head.startswith(b"<!DOCTYPE"):
        return head.removeprefix(b"<!DOCTYPE").lstrip()[:7].replace(b"svg:", b"")[:3] == b"svg"
    return (head[:4] == b"<svg" and head[4:5] in _AFTER_NAME) or head[:8] == b"<svg:svg"


def require_drawn(name: str | None, field: str) -> str:
    """The format, if it can be drawn on this node. Raises TemplateRefused with what to do."""
    if name is None:
        raise TemplateRefused(
            "picture.unreadable", "The file is no picture; PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF and SVG can be drawn.", field
        )
    if name == HEIF and importlib.util.find_spec("pillow_heif") is None:
        remedy = "save it as JPEG (a phone does so when it is set to the most compatible format), or install flatrender[heic] on the nodes."
        raise TemplateRefused("picture.format", f"HEIC pictures cannot be drawn here; {remedy}", field)
    if name == AVIF and not features.check("avif"):
        raise TemplateRefused("picture.format", "AVIF pictures cannot be drawn here; save it as PNG or JPEG.", field)
    if name not in (*_DRAWN, SVG, HEIF, AVIF):
        raise TemplateRefused("picture.format", f"{name} pictures cannot be drawn; save it as PNG, JPEG or SVG.", field)
    return name


def check_size(width: float, height: float, field: str, most: int = MAX_PIXELS) -> None:
    """Refuse a picture that is too large to decode. Raises TemplateRefused."""
    if max(width, height) > MAX_SIDE or width * height > most:
        detail = f"{width:.0f} x {height:.0f} pixels: the largest side is {MAX_SIDE} and the largest area {most:,} pixels; scale it down."
        raise TemplateRefused("picture.too_large", detail, field)
