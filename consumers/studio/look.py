"""How a film looks: as who asks for it says, else as it is saved, else as its template is."""

from uuid import UUID

import msgspec

from contracts.look import own_rate, own_size, rate_of
from contracts.project_file import Rate
from contracts.spec import Quality
from contracts.studio.copies import TemplateScene
from contracts.studio.renders import RequestRender
from contracts.studio.saved_projects import SavedProject


class Look(msgspec.Struct, frozen=True):
    """What is said of a film's look; None and nothing where it is not said."""

    width: int | None = None
    height: int | None = None
    rate: Rate | None = None
    quality: Quality | None = None
    background: str | None = None
    fonts: tuple[UUID, ...] = ()


def said(asked: RequestRender, saved: SavedProject | None) -> Look:
    """What a request says, and where it is silent, what is saved; a size is taken from one of the two as a whole."""
    sized = asked if saved is None or (asked.width, asked.height) != (None, None) else saved
    return Look(
        width=sized.width,
        height=sized.height,
        rate=asked.rate if asked.rate is not None or saved is None else saved.rate,
        quality=asked.quality or (saved.quality if saved else None),
        background=asked.background or (saved.background if saved else None),
        fonts=asked.fonts or (saved.fonts if saved else ()),
    )


def size_of(look: Look, scene: TemplateScene) -> tuple[int, int]:
    """Width and height of a film that begins with this scene, in pixels."""
    return own_size(scene.width, scene.height, (look.width, look.height))


def rate_in(look: Look, scene: TemplateScene) -> tuple[int, int]:
    """The rate of a film that begins with this scene, as a fraction."""
    return own_rate(scene.rate) if look.rate is None else rate_of(look.rate)
