"""Saved projects: templates that a person has filled."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message
from contracts.project_file import Hex, Length, Rate, Seconds, Side, Speed, Volume, Words
from contracts.spec import Quality
from contracts.studio.values import SceneValues, Track
from contracts.visibility import Public


class SavedProject(Row, frozen=True, kw_only=True):
    """A filled template."""

    saved_project_id: Public[UUID]
    project_id: Public[UUID]
    name: Public[str]
    scenes: Public[tuple[SceneValues, ...]]
    colours: Public[dict[str, str]]
    preset: Public[str | None]
    audio: Public[tuple[Track, ...]]
    music_volume: float
    sfx_volume: float
    voiceover_volume: float
    voiceover_file_id: UUID | None
    fonts: Public[tuple[UUID, ...]] = ()
    width: Public[int | None] = None
    height: Public[int | None] = None
    rate: Public[tuple[int, int] | None] = None
    quality: Public[Quality | None] = None
    background: Public[str | None] = None


SAVED = Entity("studio.saved_projects", SavedProject, key=("saved_project_id",), about="filled templates")


class ChosenScene(SceneValues, frozen=True, kw_only=True):
    """SceneValues as a person gives them, within their bounds."""

    texts: dict[str, Words] = {}
    colours: dict[str, Hex] = {}
    duration: Length | None = None
    speed: Speed = 1.0


class ChosenTrack(Track, frozen=True, kw_only=True):
    """A Track as a person gives it, within its bounds."""

    volume: Volume = 1.0
    start: Seconds = 0.0


class SavedProjectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A filled template that was kept; `version` counts its changes."""

    saved_project_id: UUID
    version: int


@message("studio.saved_project.save")
class SaveProject(Command[SavedProjectAnswer], frozen=True, kw_only=True):
    """Keep a filled template; with `saved_project_id` an earlier one is replaced, when `expected_version` still holds."""

    project_id: UUID
    name: Annotated[str, Meta(max_length=200)] = ""
    saved_project_id: UUID | None = None
    expected_version: int | None = None
    scenes: tuple[ChosenScene, ...] = ()  # in order; empty = all scenes of the template with their defaults
    colours: dict[str, Hex] = {}
    preset: str | None = None
    audio: tuple[ChosenTrack, ...] = ()
    fonts: tuple[UUID, ...] = ()  # font files, asked before the service's own
    width: Side | None = None  # what is not said here may be said where it is rendered; else it is the template's own
    height: Side | None = None
    rate: Rate | None = None
    quality: Quality | None = None  # standard, where nobody says
    background: Hex | None = None  # white, where nobody says


@message("studio.saved_project.saved", public=True)
class ProjectSaved(Event, frozen=True, kw_only=True):
    """A filled template was kept."""

    saved_project_id: Public[UUID]
    project_id: Public[UUID]
    name: Public[str]
    scenes: Public[tuple[SceneValues, ...]]
    colours: Public[dict[str, str]]
    preset: Public[str | None]
    audio: Public[tuple[Track, ...]]
    music_volume: Public[float]
    sfx_volume: Public[float]
    voiceover_volume: Public[float]
    voiceover_file_id: Public[UUID | None]
    fonts: Public[tuple[UUID, ...]] = ()
    width: Public[int | None] = None
    height: Public[int | None] = None
    rate: Public[tuple[int, int] | None] = None
    quality: Public[Quality | None] = None
    background: Public[str | None] = None
