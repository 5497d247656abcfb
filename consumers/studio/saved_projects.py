"""Saved projects: a person's own copy of a template, with values, colours and sounds."""

import msgspec

from consumers.runtime.domain import Answer, Context, Decision, Refusal, refuse
from consumers.runtime.rules import missing
from consumers.runtime.state import View
from consumers.runtime.table import Table
from consumers.studio import checks
from consumers.studio.filling import SPEC_LARGEST, fill
from contracts.entity import carry
from contracts.look import rate_of
from contracts.studio import saved_projects
from contracts.studio.saved_projects import ProjectSaved, SavedProjectAnswer, SaveProject
from contracts.studio.values import Track

SAVED = Table.of(saved_projects.SAVED)


def save(cmd: SaveProject, view: View, ctx: Context) -> Decision[SavedProjectAnswer]:
    """Keep a filled template, new or in place of an earlier one."""
    filled = fill(view, cmd.project_id, cmd.scenes, cmd.colours, cmd.preset, cmd.audio)
    if isinstance(filled, Refusal):
        return filled
    if problems := [*checks.rate_problems(cmd.rate), *checks.file_problems(view, checks.wanted_files(cmd.scenes, cmd.audio, cmd.fonts))]:
        return checks.refusal(problems)
    size = len(msgspec.json.encode((cmd.scenes, cmd.colours, cmd.audio)))
    if size > SPEC_LARGEST:
        detail = f"all values together take {size} bytes, at most {SPEC_LARGEST} are possible; shorten the texts"
        return refuse("studio.too_large", detail, "scenes")
    saved_id = cmd.saved_project_id or ctx.id("saved project")
    earlier = view.get(SAVED, saved_id)
    if cmd.saved_project_id is not None and earlier is None:
        return missing(SAVED, saved_id)
    if earlier is not None and cmd.expected_version not in (None, earlier.version):
        detail = f"the project is at version {earlier.version}, the request expected {cmd.expected_version}; load it again"
        return refuse("studio.version", detail, "expected_version")
    voice = next((track for track in cmd.audio if track.kind == "voiceover"), None)
    saved = carry(
        ProjectSaved,
        cmd,
        saved_project_id=saved_id,
        music_volume=_volume(cmd.audio, "music"),
        sfx_volume=_volume(cmd.audio, "sfx"),
        voiceover_volume=_volume(cmd.audio, "voiceover"),
        voiceover_file_id=voice.file_id if voice else None,
        rate=None if cmd.rate is None else rate_of(cmd.rate),
    )
    return Answer([saved], SavedProjectAnswer(saved_project_id=saved_id, version=earlier.version + 1 if earlier else 1))


def _volume(audio: tuple[Track, ...], kind: str) -> float:
    return next((track.volume for track in audio if track.kind == kind), 1.0)
