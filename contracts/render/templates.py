"""Templates that ended engines: set aside, and released."""

from typing import Literal
from uuid import UUID

import msgspec

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message
from contracts.render.nodes import CrashKind
from contracts.visibility import Public

TemplateState = Literal["open", "set_aside"]


class TemplateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a template is drawn now."""

    template: str
    state: TemplateState


class Template(Row, frozen=True, kw_only=True):
    """A template that ended engines; under its own tenant."""

    template: Public[str]  # the bundle's SHA-256
    state: Public[TemplateState] = "open"
    crashed_on: Public[tuple[UUID, ...]] = ()
    reason: Public[str] = ""


TEMPLATES = Entity(
    "render.templates",
    Template,
    key=("template",),
    about="templates that ended engines: on which nodes, and whether they are set aside",
    view=None,
    newest=False,
)


@message("render.template.crashed")
class TemplateCrashed(Event, frozen=True, kw_only=True):
    """A template (of this message's tenant) ended an engine for good on a node."""

    template: str  # the bundle's SHA-256
    node_id: UUID
    kind: Public[CrashKind]


@message("render.template.set_aside", public=True)
class TemplateSetAside(Event, frozen=True, kw_only=True):
    """A template (of this message's tenant) ended engines on several nodes: nothing of it is drawn until somebody releases it."""

    template: Public[str]
    reason: Public[str]


@message("render.template.release")
class ReleaseTemplate(Command[TemplateAnswer], frozen=True, kw_only=True):
    """Let a template that was set aside be drawn again."""

    template: str


@message("render.template.released", public=True)
class TemplateReleased(Event, frozen=True, kw_only=True):
    """A template may be drawn again; its failures are forgotten."""

    template: Public[str]
