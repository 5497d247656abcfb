"""What a person puts into a template: values of scenes, and tracks."""

from uuid import UUID

import msgspec

from contracts.spec import Direction, Fit, TrackKind
from contracts.visibility import Public


class SceneValues(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One chosen scene: the template's scene key and the values that differ from its defaults."""

    scene: Public[str]
    texts: Public[dict[str, str]] = {}
    pictures: Public[dict[str, UUID]] = {}  # element key to file id
    colours: Public[dict[str, str]] = {}  # slot or element key to "#RRGGBB"
    duration: Public[float | None] = None  # seconds of the source that are shown; None = all
    speed: Public[float] = 1.0  # 0.1 to 10
    fits: Public[dict[str, Fit]] = {}  # element key to how its picture lies in its place; contain where it is silent
    directions: Public[dict[str, Direction]] = {}  # element key to the way in which its text reads; auto where it is silent


class Track(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sound file at its volume (0 to 2, linear) from `start` seconds on."""

    kind: Public[TrackKind]
    file_id: Public[UUID]
    volume: Public[float] = 1.0
    start: Public[float] = 0.0
