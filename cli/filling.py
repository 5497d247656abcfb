"""What a person wants in a video: a project file and options over it, matched with what the template has."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from cli.errors import Mistake
from cli.responses import Scene
from contracts.project_file import ProjectFile, ProjectScene
from contracts.spec import Element
from contracts.studio.renders import RequestRender
from contracts.studio.saved_projects import ChosenScene, ChosenTrack

Setting = tuple[str, str]  # "SCENE.ELEMENT" (or "ELEMENT") and its value
_GROUPS = {"text": "texts", "image": "pictures", "colour": "colours"}


def read_project(path: Path) -> ProjectFile:
    """Read a project file; the paths in it become absolute. Raises Mistake."""
    try:
        project = msgspec.json.decode(path.read_bytes(), type=ProjectFile)
    except OSError as error:
        raise Mistake("project.unreadable", f"{path}: {error.strerror}", "--project") from error
    except msgspec.DecodeError as error:
        raise Mistake(
            "project.invalid", f"{path}: {error}", "--project", "See docs/guides/project-file.md for what may stand there."
        ) from error
    folder = path.absolute().parent
    scenes = tuple(
        msgspec.structs.replace(scene, pictures={key: str(folder / name) for key, name in scene.pictures.items()})
        for scene in project.scenes
    )
    audio = tuple(msgspec.structs.replace(track, file=str(folder / track.file)) for track in project.audio)
    return msgspec.structs.replace(project, scenes=scenes, audio=audio)


def filled(project: ProjectFile, settings: Sequence[Setting], scenes: Sequence[Scene]) -> ProjectFile:
    """The project with the settings in it; without scenes of its own it gets all of the template. Raises Mistake with every error."""
    chosen = list(project.scenes or (ProjectScene(scene=scene.key) for scene in scenes))
    errors = []
    for target, value in settings:
        found = _element(target, scenes)
        if isinstance(found, str):
            errors.append({"code": "render.unknown_element", "field": f"--set {target}", "detail": found})
            continue
        scene, element = found
        places = [index for index, one in enumerate(chosen) if one.scene == scene.key]
        if not places:
            detail = f"the project file leaves the scene {scene.key!r} out"
            errors.append({"code": "render.unknown_scene", "field": f"--set {target}", "detail": detail})
        for index in places:
            chosen[index] = _with_value(chosen[index], element, value)
    if errors:
        raise Mistake(errors[0]["code"], errors[0]["detail"], errors[0]["field"], "`--list` shows what the template has.", errors)
    return msgspec.structs.replace(project, scenes=tuple(chosen))


def files(project: ProjectFile) -> dict[str, Path]:
    """Every file that a filled project names, once each, by its path; raises Mistake with every one that is missing."""
    named = list(_named(project))
    missing = [
        {"code": "file.not_found", "field": field, "detail": f"there is no file {path}"}
        for field, path in named
        if not Path(path).is_file()
    ]
    if missing:
        raise Mistake("file.not_found", missing[0]["detail"], missing[0]["field"], "Correct the path.", missing)
    return {path: Path(path) for _, path in named}


def request(project: ProjectFile, project_id: UUID, file_ids: dict[str, UUID]) -> RequestRender:
    """What the service is asked for; `file_ids` are the uploaded files by their paths."""
    scenes = tuple(
        ChosenScene(
            scene=scene.scene,
            texts=scene.texts,
            pictures={key: file_ids[path] for key, path in scene.pictures.items()},
            colours=dict(scene.colours),
        )
        for scene in project.scenes
    )
    audio = tuple(ChosenTrack(kind=t.kind, file_id=file_ids[t.file], volume=t.volume, start=t.start) for t in project.audio)
    return RequestRender(
        project_id=project_id,
        scenes=scenes,
        colours=dict(project.colours),
        preset=project.preset,
        audio=audio,
        width=project.width,
        height=project.height,
        rate=project.rate,
        quality=project.quality,
        background=project.background,
    )


def _named(project: ProjectFile) -> Iterator[tuple[str, str]]:
    for index, scene in enumerate(project.scenes):
        for key, path in scene.pictures.items():
            yield f"scenes[{index}].pictures.{key}", path
    for index, track in enumerate(project.audio):
        yield f"audio[{index}].file", track.file


def _with_value(scene: ProjectScene, element: Element, value: str) -> ProjectScene:
    group = _GROUPS[element.kind]
    if element.kind == "image":
        value = str(Path(value).expanduser().absolute())
    return msgspec.structs.replace(scene, **{group: {**getattr(scene, group), element.key: value}})


def _element(target: str, scenes: Sequence[Scene]) -> tuple[Scene, Element] | str:
    """The element that SCENE.ELEMENT names (ELEMENT where there is one scene only), or what is wrong with it."""
    # Names of scenes and elements may contain dots themselves, so the text is matched with all that there are.
    for scene in scenes:
        for element in scene.elements:
            if target == f"{scene.key}.{element.key}" or (len(scenes) == 1 and target == element.key):
                return scene, element
    known = list(_names(scenes))
    near = difflib.get_close_matches(target, known, 1)
    return f"the template has no element {target!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known[:20]) or 'none'}"
    )


def _names(scenes: Iterable[Scene]) -> Iterator[str]:
    rows = list(scenes)
    for scene in rows:
        for element in scene.elements:
            yield element.key if len(rows) == 1 else f"{scene.key}.{element.key}"
