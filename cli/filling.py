"""What a person wants in a video: a project file and options over it, matched with what the template has."""

import difflib
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args
from uuid import UUID

import msgspec

from cli.errors import Mistake
from cli.responses import Scene
from contracts.project_file import ProjectFile, ProjectScene
from contracts.spec import Direction, Element, Fit
from contracts.studio.renders import RequestRender
from contracts.studio.saved_projects import ChosenScene, ChosenTrack

_GROUPS = {"text": "texts", "image": "pictures", "colour": "colours"}
_CHOICES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "--fit": ("fits", "image", get_args(Fit)),
    "--direction": ("directions", "text", get_args(Direction)),
}
_ESCAPE = re.compile(r"\\([n\\])")


class Setting(NamedTuple):
    """What an option says of an element: `--set`, `--fit` or `--direction`, "SCENE.ELEMENT" (or "ELEMENT"), and its value."""

    option: str
    target: str
    value: str


def read_project(path: Path) -> ProjectFile:
    """Read a project file; the paths in it become absolute. Raises Mistake."""
    try:
        project = msgspec.json.decode(path.read_bytes().removeprefix(BOM_UTF8), type=ProjectFile)
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
    fonts = tuple(str(folder / name) for name in project.fonts)
    return msgspec.structs.replace(project, scenes=scenes, audio=audio, fonts=fonts)


def with_fonts(project: ProjectFile, fonts: Iterable[Path]) -> ProjectFile:
    """The project with further fonts, which are asked before its own."""
    named = (*(str(path.absolute()) for path in fonts), *project.fonts)
    return msgspec.structs.replace(project, fonts=tuple(dict.fromkeys(named)))


def inputs(project: ProjectFile, settings: Sequence[Setting]) -> list[Path]:
    """Every file that a film may be made of beside its template, whether it is there or not."""
    given = (one.value for one in settings if one.option == "--set" and "\0" not in one.value)
    return [*(Path(path) for _, path in _named(project)), *(Path(value).expanduser() for value in given)]


def filled(project: ProjectFile, settings: Sequence[Setting], scenes: Sequence[Scene]) -> ProjectFile:
    """The project with the settings in it; without scenes of its own it gets all of the template. Raises Mistake with every error."""
    chosen = list(project.scenes or (ProjectScene(scene=scene.key) for scene in scenes))
    errors = []
    for setting in settings:
        field = f"{setting.option} {setting.target}"
        found = _element(setting.target, scenes)
        if isinstance(found, str):
            errors.append({"code": "render.unknown_element", "field": field, "detail": found})
            continue
        scene, element = found
        if wrong := _unfit(setting, element):
            errors.append({"code": "render.choice", "field": field, "detail": wrong})
            continue
        places = [index for index, one in enumerate(chosen) if one.scene == scene.key]
        if not places:
            detail = f"the project file leaves the scene {scene.key!r} out"
            errors.append({"code": "render.unknown_scene", "field": field, "detail": detail})
        for index in places:
            chosen[index] = _with_value(chosen[index], element, setting)
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
            fits=scene.fits,
            directions=scene.directions,
            duration=scene.duration,
            speed=scene.speed,
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
        fonts=tuple(file_ids[path] for path in project.fonts),
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
    for index, path in enumerate(project.fonts):
        yield f"fonts[{index}]", path


def _unfit(setting: Setting, element: Element) -> str:
    """What is wrong with a choice; nothing where it can be made."""
    if setting.option not in _CHOICES:
        return ""
    _, kind, words = _CHOICES[setting.option]
    if element.kind != kind:
        return f"{element.key} is of kind {element.kind}; this is chosen for {'a picture' if kind == 'image' else 'a text'}"
    return "" if setting.value in words else f"{setting.value!r} is none of {', '.join(words)}"


def _with_value(scene: ProjectScene, element: Element, setting: Setting) -> ProjectScene:
    group, value = _GROUPS[element.kind], setting.value
    if setting.option in _CHOICES:
        group = _CHOICES[setting.option][0]
    elif element.kind == "image":
        value = str(Path(value).expanduser().absolute())
    elif element.kind == "text":  # a shell hands on what is typed: \n is a new line here, and \\ a backslash
        value = _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else "\\", value)
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
