"""The project file: what a person fills a template with, as JSON beside their pictures and sounds; and the bounds of all such values.

Saved projects and requests have the same fields under the same names, with ids of files where paths stand here.
"""

from typing import Annotated

import msgspec

from contracts.spec import Direction, Fit, Quality, TrackKind

Hex = Annotated[
    str,
    msgspec.Meta(pattern=r"^#[0-9A-Fa-f]{6}$(?!\n)", description="A colour as #RRGGBB", extra={"must": "must be a colour; write #RRGGBB"}),
]
Side = Annotated[
    int, msgspec.Meta(ge=16, le=4096, multiple_of=2, description="Pixels", extra={"must": "must be an even number from 16 to 4096"})
]
RatePart = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
# As many entries as it has are bounds, not its type: msgspec 0.22 crashes on a union of a tuple of a fixed length and a number with bounds.
_Fraction = Annotated[tuple[RatePart, ...], msgspec.Meta(min_length=2, max_length=2)]
Rate = Annotated[
    _Fraction | Annotated[float, msgspec.Meta(ge=1, le=120)],
    msgspec.Meta(
        description="Frames per second, 1 to 120, as a number or as a fraction: 29.97 and [30000, 1001] are the same",
        extra={"must": "must be a number from 1 to 120, or two whole numbers as in [30000, 1001]"},
    ),
]
Words = Annotated[str, msgspec.Meta(max_length=5000)]
Length = Annotated[float, msgspec.Meta(gt=0, description="Seconds")]
Speed = Annotated[float, msgspec.Meta(ge=0.1, le=10, description="1 is as it was designed")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=36_000)]
Volume = Annotated[float, msgspec.Meta(ge=0, le=2, description="Linear; 1 leaves the sound as it is")]


class ProjectScene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scene of the video, in order, and its own values; what is not named keeps the template's default."""

    scene: str  # the ScannedScene's key
    texts: dict[str, Words] = {}  # element key to words
    pictures: dict[str, str] = {}  # element key to a file's path, relative to the project file
    colours: dict[str, Hex] = {}  # element key to a colour of this scene alone
    fits: dict[str, Fit] = {}  # element key to how its picture lies in its place
    directions: dict[str, Direction] = {}  # element key to the way in which its text reads
    duration: Length | None = None  # of the source that are shown; None = all
    speed: Speed = 1.0


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
    fonts: tuple[str, ...] = ()  # paths of font files, relative to the project file; asked before the service's own
    width: Side | None = None  # None = the template's own; of one side alone the other follows
    height: Side | None = None
    rate: Rate | None = None  # None = the template's own
    quality: Quality = "standard"
    background: Hex = "#FFFFFF"  # what shows through where the template paints nothing
