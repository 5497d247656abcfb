"""What content does outside: read a template's scan and record it scene by scene."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from adapters.object_store import ObjectMissing
from consumers.runtime.effects.declared import Call, EffectFailed, EffectKind
from consumers.runtime.tools import Tools
from contracts.content.projects import FailProject, ProjectImporting, PublishProject, RecordScene
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.spec import ScannedScene, ScanResult

LARGEST = 16 * 2**20  # bytes of a scan
SCENE_LARGEST = 56_000  # bytes of one scene, so that its message stays under 64 KB


class Import(msgspec.Struct, frozen=True):
    """Record a template as its scan describes it."""

    project_id: UUID
    scan_key: str


def on_importing(event: ProjectImporting, envelope: Envelope) -> list[Import]:
    """Read the scan."""
    return [Import(event.project_id, event.scan_key)]


def no_scan(effect: Import, envelope: Envelope, why: str) -> Iterable[Command]:
    """The template cannot be used."""
    yield _failed(effect.project_id, "template.scan", "the template's scan could not be read for a long time; create the template anew")


async def import_scan(effect: Import, call: Call, tools: Tools) -> list[Command]:
    """Turn the scan's object into commands; a scan that cannot be used fails the project."""
    project_id = effect.project_id
    try:
        scan = msgspec.json.decode(await tools.objects.get(effect.scan_key, LARGEST), type=ScanResult)
    except ObjectMissing as error:  # its words name the store and the place
        gone = "the template's scan is not in storage any more; create the template anew"
        raise EffectFailed(str(error), [_failed(project_id, "template.scan", gone)]) from error
    except msgspec.MsgspecError as error:
        raise EffectFailed(str(error), [_failed(project_id, "template.scan", f"the template's scan cannot be read: {error}")]) from error
    commands: list[Command] = [_scene(project_id, position, scene) for position, scene in enumerate(scan.scenes)]
    for command, scene in zip(commands, scan.scenes, strict=True):
        if len(msgspec.json.encode(command)) > SCENE_LARGEST:
            detail = f"scene {scene.key!r} has too many elements to be described in {SCENE_LARGEST} bytes; split it into several scenes"
            return [_failed(project_id, "template.scene_too_large", detail)]
    publish = PublishProject(project_id=project_id, scene_count=len(scan.scenes), presets=scan.presets, warnings=scan.warnings)
    return [*commands, publish]


def _scene(project_id: UUID, position: int, scene: ScannedScene) -> RecordScene:
    return RecordScene(project_id=project_id, position=position, **{name: getattr(scene, name) for name in scene.__struct_fields__})


def _failed(project_id: UUID, code: str, detail: str) -> FailProject:
    return FailProject(project_id=project_id, code=code, detail=detail)


KINDS = (EffectKind(name="import", payload=Import, run=import_scan, timeout=120.0, exhausted=no_scan, answers=True),)
