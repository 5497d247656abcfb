"""The project file: what a person fills a template with, as JSON beside their pictures and sounds; and the bounds of all such values."""

from typing import Annotated

import msgspec

from contracts.spec import Quality, TrackKind

Hex = Annotated[
    str,
    msgspec.Meta(pattern=r"^#[0-9A-Fa-f]{6}$(?!\n)", description="A colour as #RRGGBB", extra={"must": "must be a colour; write #RRGGBB"}),
]
Side = Annotated[
    int, msgspec.Meta(ge=16, le=4096, multiple_of=2, description="Pixels", extra={"must": "must be an even number from 16 to 4096"})
]
RatePart = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=36_000)]
Volume = Annotated[float, msgspec.Meta(ge=0, le=2, description="Linear; 1 leaves the sound as it is")]


class ProjectScene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scene of the video, in order, and its own values; what is not named keeps the template's default."""

    scene: str  # the ScannedScene's key
    texts: dict[str, str] = {}  # element key to words
    pictures: dict[str, str] = {}  # element key to a file's path, relative to the project file
    colours: dict[str, Hex] = {}  # element key to a colour of this scene alone


class ProjectTrack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sound under the whole video; several tracks of one kind are allowed."""

    kind: TrackKind
    file: str  # path, relative to the project file
    volume: Volume = 1.0
    start: Seconds = 0.0


class ProjectFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole project; decode it with `msgspec.json.decode(raw, type=ProjectFile)`.

    Raises msgspec.ValidationError, whose text names the field (`$.audio[0].volume`) and what is expected there.
    """

    scenes: tuple[ProjectScene, ...] = ()  # none: all scenes of the template, with its defaults
    colours: dict[str, Hex] = {}  # slot to colour, for all scenes; these win over the preset's
    preset: str | None = None  # a ColourPreset's key
    audio: tuple[ProjectTrack, ...] = ()
    width: Side = 1280
    height: Side = 720
    rate: tuple[RatePart, RatePart] = (30, 1)  # frames per second as a fraction: (30000, 1001) is 29.97
    quality: Quality = "standard"
    background: Hex = "#FFFFFF"  # what shows through where the template paints nothing
