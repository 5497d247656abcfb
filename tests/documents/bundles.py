"""Archives around a changed document: manifests, themes, state machines, fonts and pictures that are wrong as well."""
# ruff: noqa: E501 (lists of wrong pictures)

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Mutated = Callable[[bytes, random.Random], tuple[bytes, list[str]]]
SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><rect width="20" height="20" fill="#f00"/></svg>'
SVGS = (
    SQUARE,
    b"<svg",
    b"",
    b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"><rect width="1" height="1"/></svg>',
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 0 0" width="-5"><path d="M0 0L1e38 1e38Z"/></svg>',
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/passwd" width="9" height="9"/></svg>',
    b'<!DOCTYPE s [<!ENTITY a "&b;&b;"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&a;</text></svg>',
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><style>@import url(file:///etc/passwd); * { fill: url(#x) }</style>'
    + b"<g>" * 400
    + b"</g>" * 400
    + b"</svg>",
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs><g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g></defs><use href="#a"/></svg>',
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs><rect id="u0" width="1" height="1"/>'
    + b"".join(b'<g id="u%d">%s</g>' % (level, b'<use href="#u%d"/>' % (level - 1) * 9) for level in range(1, 9))
    + b'</defs><use href="#u8"/></svg>',
)


def theme() -> Document:
    """A theme with a rule of each kind, some of which move."""
    moving = [{"frame": 0, "value": [1, 0, 0]}, {"frame": 20, "value": [0, 0, 1]}]
    rules = [
        {"id": "ink", "type": "Color", "value": [0, 0, 1]},
        {"id": "ink", "type": "Color", "keyframes": moving, "animations": ["main"]},
        {"id": "size", "type": "Scalar", "value": 40},
        {"id": "place", "type": "Vector", "value": [20, 30]},
        {"id": "stops", "type": "Gradient", "value": [{"color": [1, 0, 0, 1], "offset": 0}, {"color": [0, 1, 0, 1], "offset": 1}]},
        {"id": "photo", "type": "Image", "value": {"id": "a.png", "width": 9, "height": 9}},
        {"id": "words", "type": "Text", "value": {"text": "theme", "fontSize": 20}},
    ]
    return {"rules": rules}


def machine() -> Document:
    """A state machine of two states, which act on inputs, themes and slots."""
    states = [
        {
            "name": "one",
            "type": "PlaybackState",
            "animation": "main",
            "autoplay": True,
            "loop": True,
            "mode": "Bounce",
            "speed": 2,
            "segment": "m",
        },
        {"name": "two", "type": "PlaybackState", "animation": "main", "entryActions": [{"type": "SetTheme", "value": "blue"}]},
    ]
    states[0]["transitions"] = [
        {
            "type": "Transition",
            "toState": "two",
            "guards": [{"type": "Numeric", "conditionType": "Equal", "inputName": "n", "compareTo": 1}],
        }
    ]
    return {"initial": "one", "states": states, "inputs": [{"type": "Numeric", "name": "n", "value": 0}], "interactions": []}


def manifest(version: int) -> Document:
    """What an archive says of itself, in the first or the second form of the format."""
    if version == 1:
        entry = {"id": "main", "speed": 2, "direction": -1, "playMode": "bounce", "loop": True, "autoplay": True, "themeColor": "#f00"}
        return {"version": "1", "generator": "x", "author": "x", "animations": [entry], "states": ["machine"]}
    entry = {"id": "main", "initialTheme": "blue", "themes": ["blue"], "background": "#fff"}
    initial = {"animation": "main", "stateMachine": "machine"}
    return {
        "version": "2",
        "generator": "x",
        "initial": initial,
        "animations": [entry],
        "themes": [{"id": "blue"}],
        "stateMachines": [{"id": "machine"}],
    }


def packed(written: bytes, chance: random.Random, mutated: Mutated) -> tuple[bytes, str]:
    """A document as the animation of an archive whose other parts are changed too."""
    version = chance.choice((1, 2))
    folders = ("a/", "t/", "s/", "i/", "f/") if version == 2 else ("animations/", "themes/", "states/", "images/", "fonts/")
    parts = {
        "manifest.json": json.dumps(manifest(version)).encode(),
        f"{folders[1]}blue.json": json.dumps(theme()).encode(),
        f"{folders[2]}machine.json": json.dumps(machine()).encode(),
    }
    told = []
    for name in list(parts):
        if chance.random() < 0.5:
            parts[name], how = mutated(parts[name], chance)
            told += [f"{name}: {one}" for one in how]
    parts[f"{folders[0]}main.json"] = written
    parts[f"{folders[3]}{chance.choice(('a.svg', 'a.png', 'A.SVG', 'ä.svg', 'a%20b.svg'))}"] = chance.choice(SVGS)
    parts[f"{folders[4]}a.{chance.choice(('ttf', 'woff', 'woff2'))}"] = chance.choice(
        (b"wOFF" + bytes(60), b"wOF2" + bytes(60), b"", b"\0\1\0\0")
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in parts.items():
            opened.writestr(name, data)
    return archive.getvalue(), f"archive {version} {'; '.join(told)}"
