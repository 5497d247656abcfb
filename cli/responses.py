"""What the service answers, as far as the command line reads it (the whole is in /openapi.json)."""

from typing import Any
from uuid import UUID

import msgspec

from contracts.spec import ColourPreset, Element, Warning


class Started(msgspec.Struct, frozen=True):
    """An announced file: its parts have `part_bytes` bytes each, the last may have less."""

    upload_id: UUID
    file_id: UUID
    part_bytes: int
    part_count: int


class PartAddress(msgspec.Struct, frozen=True):
    """Where a part's bytes go, by PUT with these headers."""

    number: int
    url: str
    headers: dict[str, str] = {}


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload; `parts` are there while it is open."""

    name: str
    state: str
    reason: str = ""
    parts: tuple[PartAddress, ...] = ()


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file; `code` and `detail` say why it was rejected."""

    file_id: UUID
    name: str
    kind: str
    state: str
    sha256: str
    code: str = ""
    detail: str = ""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A template."""

    project_id: UUID
    name: str
    state: str
    presets: tuple[ColourPreset, ...] = ()
    warnings: tuple[Warning, ...] = ()
    code: str = ""
    detail: str = ""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A scene of a template; pixels, seconds."""

    key: str
    title: str
    width: int
    height: int
    rate: float
    duration: float
    elements: tuple[Element, ...] = ()
    warnings: tuple[Warning, ...] = ()


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a render: what it will be. `job_id` is None after a dry run; `missing` keeps the template's own values."""

    frames: int
    duration: float  # seconds
    job_id: UUID | None = None
    state: str = ""
    warnings: tuple[Warning, ...] = ()
    missing: tuple[dict[str, str], ...] = ()
    width: int = 0
    height: int = 0
    rate_num: int = 30
    rate_den: int = 1


class Render(msgspec.Struct, frozen=True, kw_only=True):
    """A render; a completed one has its video's address under `url`."""

    job_id: UUID
    state: str
    frames_done: int
    frames_total: int
    metadata: dict[str, Any] = {}
    code: str = ""
    detail: str = ""
    field: str = ""
    sha256: str | None = None
    bytes: int | None = None
    duration: float | None = None
    degraded: bool = False
    url: str = ""
    warnings: tuple[Warning, ...] = ()
    width: int = 0
    height: int = 0
    rate_num: int = 30
    rate_den: int = 1


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A render node."""

    node_id: UUID
    name: str
    state: str
    slots: int


class Page(msgspec.Struct, frozen=True):
    """A page of a list."""

    data: list[msgspec.Raw]
    next_cursor: str | None = None
