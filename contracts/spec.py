"""The two documents that messages name: what a scan found in a template, and what a render is to draw."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

import msgspec

from contracts.visibility import Public

Quality = Literal["draft", "standard", "high"]
ElementKind = Literal["text", "image", "colour"]
TrackKind = Literal["music", "voiceover", "sfx"]
# How a picture lies in its place: whole within it, over all of it and cut at the edges, or stretched to its sides.
Fit = Literal["contain", "crop", "fill"]
# Which way a text reads: as its letters say, else as the template's own text does; or as a person says.
Direction = Literal["auto", "ltr", "rtl"]


class Element(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing in a scene that a person may change; `key` is unique within its scene."""

    key: Public[str]
    kind: Public[ElementKind]
    title: Public[str] = ""
    default: Public[str] = ""  # the text, the picture's path in the bundle, or "#RRGGBB"
    shared: Public[bool] = False  # one value for all scenes (a slot, or a layer of the frshare composition)
    width: Public[int] = 0  # the text's box or the picture's place in the scene's pixels; 0 = not bounded
    height: Public[int] = 0
    room: Public[float] = 0.0  # of a text: how wide a line may be, in units of its font's size; 0 = not bounded, or not known
    lines: Public[int] = 0  # that its box has room for at its designed size; 0 = it has no box
    breadth: Public[float] = 1.0  # how wide the letters of its font are, beside usual ones


class Warning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that will not look as its designer meant: a feature the engine lacks, a missing font."""

    code: Public[str]
    detail: Public[str]
    element: Public[str] = ""
    scene: Public[str] = ""  # the ScannedScene's key, where it is told of a whole film

    @property
    def place(self) -> str:
        """Where it is, as `--set` names it; empty where it is of the whole template."""
        return ".".join(filter(None, (self.scene, self.element)))


Warnings = Public[tuple[Warning, ...]]


class ScannedScene(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One scene of a template: an animation of the bundle, its length and what can be changed in it."""

    key: str
    title: str
    width: int
    height: int
    rate: float  # the document's own frames per second
    duration: float  # seconds
    digest: str  # SHA-256 over the document and the bundle files that it uses
    elements: tuple[Element, ...] = ()
    fonts: tuple[str, ...] = ()  # the font names the document asks for
    warnings: tuple[Warning, ...] = ()


class ColourPreset(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of values for the shared colours (a theme of a .lottie)."""

    key: Public[str]
    title: Public[str]
    colours: Public[dict[str, str]]


class ScanResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a template holds, as found by opening it."""

    format: Literal["lottie-json", "dotlottie-1", "dotlottie-2", "zip"]
    scenes: tuple[ScannedScene, ...]
    presets: tuple[ColourPreset, ...] = ()
    warnings: tuple[Warning, ...] = ()


class SceneSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One scene of a render, with only the values that it uses."""

    scene: Public[str]  # the ScannedScene's key
    bundle: Public[str]  # SHA-256 of the template file
    digest: Public[str]
    frames: Public[int]  # at least 1
    duration: Public[float]  # seconds of the source that are shown
    speed: Public[float] = 1.0
    texts: Public[dict[str, str]] = {}
    pictures: Public[dict[str, str]] = {}  # element key to the SHA-256 of a picture file
    colours: Public[dict[str, str]] = {}  # slot or element key to "#RRGGBB"
    fits: Public[dict[str, Fit]] = {}  # of pictures by element key; contain where it is silent
    directions: Public[dict[str, Direction]] = {}  # of texts by element key; auto where it is silent


class AudioTrack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sound laid under the whole video; music repeats until the end."""

    kind: Public[TrackKind]
    file: Public[str]  # SHA-256 of a sound file
    volume: Public[float] = 1.0  # 0 to 2, linear
    start: Public[float] = 0.0  # seconds into the video


class RenderSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a render depends on; equal specs give equal videos."""

    scenes: Public[tuple[SceneSpec, ...]]
    width: Public[int]
    height: Public[int]
    rate_num: Public[int] = 30
    rate_den: Public[int] = 1
    quality: Public[Quality] = "standard"
    background: Public[str] = "#FFFFFF"
    audio: Public[tuple[AudioTrack, ...]] = ()
    fonts: Public[tuple[str, ...]] = ()  # SHA-256 of font files, asked before the node's own

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.rate_num, self.rate_den)

    @property
    def frames(self) -> int:
        """Frames of the whole video."""
        return sum(scene.frames for scene in self.scenes)


class Needs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a node must have to draw a job, beside the job's builds. It chooses nodes and changes no pixel."""

    fonts: Public[tuple[str, ...]] = ()  # font families installed on the machine
    memory: Public[int] = 0  # bytes for a slot
    labels: Public[tuple[str, ...]] = ()  # words that the node's operator gave it


def exactly(given: float) -> Fraction:
    """A number of seconds, or a speed, as it was meant: 0.1 is a tenth and not the float that is nearest to it."""
    return Fraction(given).limit_denominator(1_000_000)


def second_of(frame: int, rate: Fraction, speed: float) -> float:
    """The source second that a scene's frame shows: frame x speed / rate."""
    return float(frame * exactly(speed) / rate)


def frames_of(lengths: Iterable[tuple[float, float]], rate: Fraction) -> list[int]:
    """Count each scene's frames, of the source seconds that it shows and its speed, in the order of the video.

    A scene reaches to round half up(rate x the seconds of all scenes so far), whatever became of those before it: so sound laid on the sum
    of the seconds stays with the pictures. One frame is the least; what that is too long, the next is shorter.
    """
    frames, begun, total = [], 0, Fraction(0)
    for duration, speed in lengths:
        total += exactly(duration) / exactly(speed)
        end = max(begun + 1, int(total * rate + Fraction(1, 2)))
        frames.append(end - begun)
        begun = end
    return frames
