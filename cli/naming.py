"""What the service says of a request, in a person's own words: paths and options where it has fields and ids."""

import re
from uuid import UUID

from cli.errors import Mistake
from contracts.project_file import ProjectFile

_FILE = re.compile(r"^(?:scenes\[(\d+)\]\.pictures\.(.+)|audio\[(\d+)\]\.file_id|fonts\[(\d+)\])$")
_NEEDED = {"scenes": "Give a picture (PNG, JPEG, WebP, TIFF, …).", "audio": "Give a sound, or a film with sound.", "fonts": "Give a font."}


def in_own_words(problem: Mistake, project: ProjectFile, file_ids: dict[str, UUID]) -> Mistake:
    """The same problem with the files by the paths that were typed, and what to do."""
    errors = problem.errors or ({"code": problem.code, "field": problem.field, "detail": problem.detail},)
    told = [error | _told(error, project, file_ids) for error in errors]
    remedy = problem.remedy or next((_NEEDED[kind] for error in errors if (kind := _kind(error.get("field", "")))), "")
    return Mistake(problem.code, told[0]["detail"], told[0].get("field", ""), remedy, told if problem.errors else ())


def _told(error: dict[str, str], project: ProjectFile, file_ids: dict[str, UUID]) -> dict[str, str]:
    detail = error.get("detail", "")
    for path, file_id in file_ids.items():
        detail = detail.replace(f"file {file_id}", path).replace(str(file_id), path)
    found = _FILE.match(field := error.get("field", ""))
    if found is None:
        return {"detail": detail}
    scene, element, track, font = found.groups()
    if scene is not None and int(scene) < len(project.scenes):
        return {"detail": detail, "field": f"{project.scenes[int(scene)].scene}.{element}"}
    if track is not None and int(track) < len(project.audio):
        return {"detail": detail, "field": project.audio[int(track)].kind}
    return {"detail": detail, "field": "font" if font is not None else field}


def _kind(field: str) -> str:
    return field.partition("[")[0] if _FILE.match(field) else ""
