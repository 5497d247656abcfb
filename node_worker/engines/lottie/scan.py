"""Opens an uploaded template and lists its scenes, elements, presets and doubts."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from contracts.spec import ScannedScene, ScanResult, Warning
from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import features, guard
from node_worker.engines.lottie.bundle import Animation, Bundle, open_bundle, read_document
from node_worker.engines.lottie.elements import Found, find
from node_worker.engines.lottie.embed import picture_assets, picture_source, used_pictures
from node_worker.engines.lottie.expressions.bake import Moments
from node_worker.engines.lottie.playback import Playback
from node_worker.engines.lottie.prepare import begin, complete, inline_slots
from node_worker.engines.lottie.report import Report
from node_worker.engines.lottie.schema import IMAGE
from node_worker.engines.lottie.text.fonts import Library
from node_worker.engines.lottie.text.layers import wanted_fonts
from node_worker.engines.lottie.text.room import measure_room
from node_worker.engines.lottie.themes import preset_of
from node_worker.engines.lottie.upgrade import upgrade
from node_worker.pictures.decode import measure

Document = dict[str, Any]
_MAX_SCENES = 200
_SAMPLE = 8  # moments at which an upload's expressions are looked at


def scan(template: Path, work: Path) -> ScanResult:
    """List what a template holds. Raises TemplateRefused."""
    bundle = open_bundle(template, work)
    if len(bundle.animations) > _MAX_SCENES:
        raise TemplateRefused(
            "template.too_many_scenes", f"The template holds {len(bundle.animations)} animations; the limit is {_MAX_SCENES}."
        )
    library = Library(bundle.fonts, ())
    scenes = tuple(_scene(animation, bundle, library) for animation in bundle.animations)
    found = library.doubts()
    scenes = tuple(msgspec.structs.replace(scene, warnings=tuple(one for one in scene.warnings if one not in found)) for scene in scenes)
    found += [
        Warning(code="bundle.nested", detail=f"{name!r} inside the zip was left out; upload it by itself.") for name in bundle.skipped
    ]
    found += bundle.doubts
    result = ScanResult(
        format=bundle.format, scenes=scenes, presets=tuple(preset_of(*theme) for theme in bundle.themes), warnings=tuple(found)
    )
    if _has_nul(msgspec.to_builtins(result)):
        raise TemplateRefused("template.bad_text", "A name or text in the template contains the character U+0000; remove it.")
    return result


def digest(raw: bytes, document: Document, animation: Animation, bundle: Bundle) -> str:
    """SHA-256 over a document and what of the bundle can change its pictures: its images, all fonts, its theme, how it is played."""
    whole = hashlib.sha256(raw)
    paths = set(bundle.fonts)
    for asset in picture_assets(document):
        if not asset["p"].startswith("data:"):
            source = picture_source(asset, animation, bundle, "")
            if isinstance(source, Path):
                paths.add(source)
    whole.update(_played(animation))
    for path in sorted(paths):
        whole.update(hashlib.sha256(path.name.encode()).digest() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _played(animation: Animation) -> bytes:
    """What of the manifest changes an animation's pictures; empty where nothing does."""
    if animation.playback == Playback() and animation.theme is None and not animation.ground:
        return b""
    return msgspec.json.encode((animation.playback, animation.theme, animation.ground))


def _has_nul(value: object) -> bool:
    """Whether a name or text holds U+0000, which no database keeps."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(map(_has_nul, value)) or any(map(_has_nul, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_nul, value))


def _scene(animation: Animation, bundle: Bundle, library: Library) -> ScannedScene:
    raw = read_document(animation)
    # A document of an archive is told by its name there; one that was sent alone lies here under a name that no person knows.
    document = guard.parse(raw, *([animation.path.name] if animation.path.suffix else []))
    guard.check(document)
    noticed = features.warnings(document, library)  # before the upgrade takes out what it warns of
    upgrade(document)
    begin(document, animation)
    found = find(document)
    noticed += _check_pictures(document, found, animation, bundle)
    digested = digest(raw, document, animation, bundle)
    fonts = tuple(wanted_fonts(document))
    inline_slots(document)
    measure_room(document, found, library)
    report = Report()
    moments = Moments(sample=_SAMPLE, playback=animation.playback)
    complete(document, raw, library, report, moments, themed=animation.theme is not None)
    told = {(warning.code, warning.element) for warning in noticed}
    noticed += [warning for warning in report.warnings if (warning.code, warning.element) not in told]
    rate = float(document["fr"])
    if not animation.playback.is_known(document):
        detail = (
            f"The state machine plays {str(animation.playback.segment)[:60]!r}, which the animation does not mark; all of it is played."
        )
        noticed.append(Warning(code="bundle.segment", detail=detail))
    return ScannedScene(
        key=animation.key,
        title=animation.title or str(document.get("nm") or "") or animation.key,
        width=round(document["w"]),
        height=round(document["h"]),
        rate=rate,
        duration=animation.playback.within(document).duration,
        digest=digested,
        elements=tuple(item.element for item in found),
        fonts=fonts,
        warnings=tuple(noticed),
    )


def _check_pictures(document: Document, found: list[Found], animation: Animation, bundle: Bundle) -> list[Warning]:
    """Read every picture's header. A missing one is refused, unless a person can give another in its place."""
    replaceable: dict[str | int, str] = {}
    for item in found:
        if item.element.kind == "image":
            for target in item.targets:
                replaceable[str(target.get("refId")) if target.get("ty") == IMAGE else id(target)] = item.element.key
    noticed: list[Warning] = []
    used = used_pictures(document)
    for asset in picture_assets(document):
        key = replaceable.get(str(asset.get("id")), replaceable.get(id(asset), ""))
        if "id" in asset and str(asset["id"]) not in used:
            continue
        source = picture_source(asset, animation, bundle, key)
        if source is None:
            detail = f"The picture {asset['p'][:80]!r} is not in the template; pack it with the animation into one zip."
            if not key:
                raise TemplateRefused("picture.missing", detail)
            noticed.append(Warning(code="picture.missing", detail=detail, element=key))
            continue
        try:
            measure(source, key)
        except TemplateRefused as refusal:
            if refusal.code == "picture.too_large":
                raise
            noticed.append(Warning(code=refusal.code, detail=refusal.detail, element=key))
    return noticed
