"""SVG drawings come out as they were drawn, reach nothing outside of themselves, and are refused where they are too much."""

import gzip
from itertools import pairwise

import numpy as np
import pytest

from node_worker.engines.base import TemplateRefused
from node_worker.inspect import inspect
from node_worker.pictures.decode import decode, measure
from node_worker.pictures.fit import Lie
from node_worker.pictures.formats import format_of
from node_worker.pictures.svg import read
from tests.unit.enginehost.synthetic import SyntheticEngine

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="100" height="100" viewBox="0 0 100 100">'
BOX = '<rect width="50" height="50" fill="red"/>'


def svg(*parts: str) -> bytes:
    return (HEAD + "".join(parts) + "</svg>").encode()


def drawn(raw: bytes) -> np.ndarray:
    return np.asarray(decode(raw, "logo").image).astype(int)


def refusal(raw: bytes) -> TemplateRefused:
    with pytest.raises(TemplateRefused) as caught:
        decode(raw, "logo", whole=True)
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        svg(BOX),
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- by hand -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">\n' + svg(BOX),
        gzip.compress(svg(BOX)),
        '<?xml version="1.0" encoding="utf-16"?>'.encode("utf-16") + svg(BOX).decode().encode("utf-16-le"),
        b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg" width="100" height="100"><svg:rect width="50" height="50" fill="red"/></svg:svg>',
        b'<svg width="100" height="100"><rect width="50" height="50" fill="red"/></svg>',
    ],
    ids=["plain", "with a head", "packed", "UTF-16", "prefixed", "without its namespace"],
)
def test_a_drawing_is_told_measured_and_drawn_in_every_writing(raw):
    assert format_of(raw[:4096]) == "SVG"
    assert measure(raw, "logo") == ("SVG", (100, 100))
    assert drawn(raw)[25, 25].tolist() == [255, 0, 0, 255] and drawn(raw)[75, 75, 3] == 0


def test_a_drawing_is_as_sharp_as_its_place_is_large():
    image = decode(svg('<circle cx="50" cy="50" r="50"/>'), "logo", (800, 400), Lie("contain")).image
    alpha = np.asarray(image)[..., 3]
    assert alpha.shape == (400, 800) and alpha[200, 400] == 255 and alpha[200, 100] == 0
    assert ((alpha > 0) & (alpha < 255)).sum() < 4 * 400


@pytest.mark.parametrize(
    ("parts", "place", "colour"),
    [
        ("<style>.a{fill:#0f0}</style><rect class='a' width='50' height='50'/>", (25, 25), [0, 255, 0]),
        (
            "<style>/* x */ @media print{rect{fill:red}} rect{fill:blue} #b{fill:#0f0}</style><rect id='b' width='50' height='50'/>",
            (25, 25),
            [0, 255, 0],
        ),
        ("<g color='#00f'><rect style='fill:currentColor' width='50' height='50'/></g>", (25, 25), [0, 0, 255]),
        ("<defs><g id='g'><rect width='20' height='20'/></g></defs><use href='#g' x='60' y='60' fill='red'/>", (70, 70), [255, 0, 0]),
        (
            "<symbol id='s' viewBox='0 0 2 2'><rect width='2' height='2' fill='red'/></symbol>"
            "<use xlink:href='#s' x='40' width='60' height='60'/>",
            (90, 50),
            [255, 0, 0],
        ),
        (
            "<linearGradient id='a'><stop stop-color='red'/></linearGradient><linearGradient id='b' href='#a'/>"
            "<rect width='50' height='50' fill='url(#b)'/>",
            (25, 25),
            [255, 0, 0],
        ),
        (
            "<clipPath id='c'><rect x='50' width='50' height='99'/></clipPath>"
            "<rect clip-path='url(#c)' width='100' height='50' fill='red'/>",
            (75, 25),
            [255, 0, 0],
        ),
        ("<rect width='5' height='5' transform='translate(50 50) scale(10)' fill='rgb(100%, 0%, 0%)'/>", (75, 75), [255, 0, 0]),
        (
            "<svg x='50' y='50' width='50' height='50' viewBox='0 0 1 1'><rect width='1' height='1' fill='hsl(0, 100%, 50%)'/></svg>",
            (75, 75),
            [255, 0, 0],
        ),
    ],
)
def test_styles_uses_and_gradients_are_resolved(parts, place, colour):
    assert drawn(svg(parts))[place[1], place[0]].tolist() == [*colour, 255]


def test_nothing_of_a_drawing_reaches_outside_of_it(tmp_path):
    secret = tmp_path / "secret.png"
    decode(svg(BOX), "").image.save(secret)
    address = secret.as_posix()
    parts = (
        f"<image href='{address}' width='90' height='90'/><image xlink:href='file://{address}' width='90' height='90'/>",
        f"<use href='{address}#a'/><rect width='9' height='9' style=\"fill:url('file://{address}')\" onload='x()'/><script>x()</script>",
        f"<style>@import url(file://{address}); rect{{filter:url(file://{address}#f)}}</style>",
        f"<filter id='f'><feImage href='{address}'/></filter><g filter='url(#f)'>{BOX}</g>",
    )
    document = read(svg(*parts), "").document
    assert all(word not in document for word in (b"secret", b"file:", b"script", b"onload", b"import", b"feImage", b"<use"))
    assert not np.asarray(read(svg(parts[0]), "").draw((1, 1), "").getchannel("A")).any()


def test_names_that_a_document_type_declares_bring_no_file_in_and_do_not_multiply():
    outside = b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + svg("<style>&x;</style>", BOX)
    assert drawn(outside)[25, 25].tolist() == [255, 0, 0, 255]
    laughs = b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + svg("<style>&b;</style>")
    assert refusal(laughs).code == "picture.svg_complex"
    named = b'<!DOCTYPE svg [<!ENTITY ns "http://www.w3.org/2000/svg">]>' + svg(BOX).replace(b"http://www.w3.org/2000/svg", b"&ns;")
    assert drawn(named)[25, 25].tolist() == [255, 0, 0, 255]


def chain(tag: str, use: str, times: int) -> str:
    names = [f"n{index}" for index in range(8)]
    links = "".join(f"<{tag} id='{one}'>{use.format(other) * times}</{tag}>" for one, other in pairwise(names))
    return f"<defs>{links}<{tag} id='{names[-1]}'>{BOX}</{tag}></defs>"


@pytest.mark.parametrize(
    "parts",
    [
        chain("g", "<use href='#{}'/>", 6) + "<use href='#n0'/>",
        chain("mask", "<rect width='9' height='9' mask='url(#{})'/>", 6) + "<g mask='url(#n0)'>" + BOX + "</g>",
        chain("clipPath", "<rect width='9' height='9' clip-path='url(#{})'/>", 6) + "<g clip-path='url(#n0)'>" + BOX + "</g>",
        "<g>" * 70 + "</g>" * 70,
        "<rect width='1e30' height='5'/>",
        "<g transform='scale(1e5)'><g transform='scale(1e5)'>" + BOX + "</g></g>",
        "<path stroke='red' stroke-dasharray='1e-7' d='M0 0H100'/>",
        "<g stroke='red' stroke-dasharray='1e-7'><path d='M0 0H100'/></g>",
        "<filter id='f'><feGaussianBlur stdDeviation='5000'/></filter><g filter='url(#f)'>" + BOX + "</g>",
        "<filter id='f'><feGaussianBlur stdDeviation='9'/></filter>" + "<rect width='9' height='9' filter='url(#f)'/>" * 60,
        "<style>" + ".a{fill:red}" * 2000 + "</style>" + "<rect class='a' width='5' height='5'/>" * 800,
        "<path id='p' d='M0 0" + "l1 1" * 2000 + "'/>" + "<use href='#p'/>" * 2000,
    ],
    ids=["uses", "masks", "clips", "depth", "reach", "scales", "dashes", "dashes of a group", "blur", "blurs", "rules", "paths"],
)
def test_a_drawing_that_is_too_much_is_refused(parts):
    assert refusal(svg(parts)).code == "picture.svg_complex"


@pytest.mark.parametrize(
    "parts",
    [
        "<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>" + BOX,
        "<mask id='m'><rect width='9' height='9' mask='url(#m)'/></mask>" + BOX,
        "<linearGradient id='a' href='#b'/><linearGradient id='b' href='#a'/>" + BOX + "<rect x='60' width='9' height='9' fill='url(#a)'/>",
        "<style>" + "a{" * 50_000 + "</style>" + BOX,
        "<style>" + "/*" * 50_000 + "</style>" + BOX,
        BOX + "<rect transform='" + "rotate(" * 50_000 + "' width='1' height='1'/>",
        BOX + "<path d='M0 0L1e999 5 nan x'/><rect x='inf' width='NaN' height='-4'/>",
    ],
    ids=["uses", "masks", "gradients", "open rules", "open comments", "open transformations", "no numbers"],
)
def test_circles_and_open_ends_are_passed_over(parts):
    assert drawn(svg(parts))[25, 25].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ("<text x='5' y='20'>Shop</text>", "text"),
        ("<pattern id='p'/><rect width='9' height='9' fill='url(#p)'/>", "patterns"),
        ("<filter id='f'><feOffset dx='2'/><feGaussianBlur stdDeviation='2'/></filter><g filter='url(#f)'>" + BOX + "</g>", "shadows"),
        ("<foreignObject><p/></foreignObject>", "foreignObject"),
        ("<path d='M0 0H9' style='marker-end:url(#m)'/>", "arrows"),
        ("<image href='logo.png' width='9' height='9'/>", "other files"),
    ],
)
def test_what_is_not_drawn_of_a_persons_drawing_is_refused_at_inspection_and_named(tmp_path, parts, words):
    path = tmp_path / "logo.svg"
    path.write_bytes(svg(BOX, parts))
    with pytest.raises(TemplateRefused, match=words) as caught:
        inspect(path, tmp_path, SyntheticEngine())
    assert caught.value.code == "picture.svg_feature"
    path.write_bytes(svg(BOX, "<switch><foreignObject/><g/></switch><text> </text><text display='none'>a</text>"))
    assert inspect(path, tmp_path, SyntheticEngine()).format == "svg"


def test_a_huge_natural_size_is_only_a_shape():
    raw = svg(BOX).replace(b'width="100" height="100"', b'width="60000" height="30000"', 1)
    assert measure(raw, "logo") == ("SVG", (4096, 2048))
    assert decode(raw, "logo").image.size == (4096, 2048)
