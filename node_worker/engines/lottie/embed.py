"""Brings the pictures that a document names into the document itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from contracts.spec import Warning
from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import guard, pictures
from node_worker.engines.lottie.bundle import Animation, Bundle
from node_worker.engines.lottie.elements import Found, slots_of
from node_worker.engines.lottie.frames import frame_of, put_into_frames
from node_worker.engines.lottie.schema import IMAGE
from node_worker.engines.lottie.upgrade import all_layers
from node_worker.engines.lottie.views import views
from node_worker.pictures.fit import Lie, lie_of
from node_worker.pictures.formats import MAX_PIXELS, MAX_SIDE

Document = dict[str, Any]
_SOUNDS = (".mp3", ".wav", ".m4a", ".aac", ".ogg")
_MAX_PICTURES = 100_000_000  # pixels of all pictures of a scene together


def used_pictures(document: Document) -> set[str]:
    """The ids of the assets that image layers show."""
    return {str(layer.get("refId")) for layer in all_layers(document) if layer.get("ty") == IMAGE}


def picture_assets(document: Document) -> Iterator[Document]:
    """The assets, and slots' values, that are pictures."""
    for asset in document["assets"]:
        if is_picture(asset):
            yield asset
    for slot in slots_of(document).values():
        if slot.kind == "image" and isinstance(slot.value.get("p"), str):
            yield slot.value


def is_picture(asset: Document) -> bool:
    """Whether an asset is a picture: compositions have layers, and sounds an ending that says so."""
    name = asset.get("p")
    if "layers" in asset or not isinstance(name, str):
        return False
    return name.startswith("data:image") or (not name.startswith("data:") and not name.lower().endswith(_SOUNDS))


def picture_source(asset: Document, animation: Animation, bundle: Bundle, field: str) -> Path | bytes | None:
    """Where an asset's picture is: its bytes inside the document, or its file; None if it is not there."""
    name = asset["p"]
    if name.startswith("data:"):
        return pictures.decode_data_uri(name, field)
    folder = asset.get("u")
    return bundle.asset(animation, folder if isinstance(folder, str) else "", name) if name else None


class Given(NamedTuple):
    """A person's picture for an element."""

    path: Path
    lie: Lie
    key: str


def embed_pictures(
    document: Document, found: list[Found], animation: Animation, bundle: Bundle, given: Mapping[str, Given], scale: float
) -> list[Warning]:
    """Put every picture into the document, decoded and laid into its place; one of the template's that cannot be is left out and told.

    `given` are a person's pictures by the address that stands for each, `scale` the drawn picture's pixels for one of the composition's.
    Raises TemplateRefused for a person's picture that cannot be drawn.
    """
    warnings: list[Warning] = []
    used = used_pictures(document)
    seen = views(document) if used else {}
    elements = {str(target.get("refId")): item.element.key for item in found for target in item.targets if target.get("ty") == IMAGE}
    framed: dict[str, Document] = {}
    total = 0.0
    for asset in document["assets"]:
        if not is_picture(asset):
            for name in ("p", "u"):
                asset.pop(name, None)
            continue
        name = str(asset.get("id"))
        place = place_of(guard.number(asset.get("w")), guard.number(asset.get("h")))
        frame = frame_of(seen.get(name), place, scale)
        total += frame.pixels[0] * frame.pixels[1] if frame else place[0] * place[1] if place else 0
        if total > _MAX_PICTURES:
            detail = f"The scene's pictures have more than {_MAX_PICTURES // 1_000_000} megapixels together."
            raise TemplateRefused("picture.too_large", detail)
        uri = pictures.BLANK
        if name in used:
            person = given.get(asset["p"])
            pixels, edge = (frame.pixels, frame.edge) if frame else (place, 0)
            if person:
                uri, _ = pictures.data_uri(person.path, pixels, person.lie, person.key, edge=edge, whole=True)
            else:
                uri, code, problem = _own_picture(asset, pixels, edge, animation, bundle)
                if problem:
                    warnings.append(Warning(code=code, detail=problem, element=elements.get(name, "")))
        asset.update(p=uri, u="", e=1)
        if frame and uri != pictures.BLANK:
            framed.setdefault(name, frame.put_round(asset))
    put_into_frames(document, framed)
    return warnings


def place_of(width: float, height: float) -> tuple[int, int] | None:
    """The pixels that a picture fills; None if the document states no possible size."""
    possible = 1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE and width * height <= MAX_PIXELS
    return (round(width), round(height)) if possible else None


def _own_picture(asset: Document, pixels: tuple[int, int] | None, edge: int, animation: Animation, bundle: Bundle) -> tuple[str, str, str]:
    """The picture, and the code and words of a warning where it is not, or not wholly, what its designer saw."""
    shown = "inside the document" if asset["p"].startswith("data:") else repr(asset["p"][:80])
    try:
        source = picture_source(asset, animation, bundle, "")
        if source is None:
            return pictures.BLANK, "picture.missing", f"The picture {shown} is not in the template, so nothing is drawn in its place."
        uri, missing = pictures.data_uri(source, pixels, lie_of(asset.get("pr")), "", edge=edge)
    except TemplateRefused as error:
        return pictures.BLANK, "picture.missing", f"The picture {shown} is not drawn: {error.detail}"
    if missing:
        what = ", ".join(missing[:5])
        return uri, "picture.svg_feature", f"The drawing {shown} is drawn without {what}; turn that into paths, or save it as PNG."
    return uri, "", ""
