"""Writes a dotLottie v2 bundle with the same bytes every time (the format: https://dotlottie.io/spec/2.0/)."""

import io
import json
import zipfile
from collections.abc import Mapping

import msgspec

from templates.lottie.values import Json, rgb

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_COMPRESSED = (".json",)


class Theme(msgspec.Struct, frozen=True):
    """A colour preset: its title and the slots' colours ("#RRGGBB")."""

    title: str
    colours: dict[str, str]


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A zip whose bytes depend on its members alone: sorted, dated alike, text deflated at level 9, the rest stored."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in sorted(members, key=lambda name: (name != "manifest.json", name)):
            entry = zipfile.ZipInfo(name, _FIRST_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_COMPRESSED) else zipfile.ZIP_STORED
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, members[name], compresslevel=9)
    return whole.getvalue()


def dot_lottie(scenes: Mapping[str, Json], pictures: Mapping[str, bytes] | None = None, themes: Mapping[str, Theme] | None = None) -> bytes:
    """Return a `.lottie` of scenes (by id, in order), pictures (by file name) and themes (by id)."""
    pictures, themes = pictures or {}, themes or {}
    members = {f"a/{key}.json": _text(document) for key, document in scenes.items()}
    members |= {f"i/{name}": data for name, data in pictures.items()}
    members |= {f"t/{key}.json": _text({"rules": _rules(theme)}) for key, theme in themes.items()}
    animations = [{"id": key, "name": document.get("nm", key)} for key, document in scenes.items()]
    manifest: Json = {"version": "2", "generator": "FlatRender templates", "animations": animations}
    if themes:
        manifest["themes"] = [{"id": key, "name": theme.title} for key, theme in themes.items()]
        for animation in animations:
            animation["themes"] = list(themes)
    return zip_bytes({"manifest.json": _text(manifest), **members})


def _rules(theme: Theme) -> list[Json]:
    return [{"id": slot, "type": "Color", "value": rgb(colour)} for slot, colour in sorted(theme.colours.items())]


def _text(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
