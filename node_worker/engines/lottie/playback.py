"""How a .lottie wants its animations played: speed, direction, there and back, a part of them.

Version 1 of the format says it beside each animation of the manifest (`speed`, `direction`, `playMode`); version 2 in the first state of
a state machine that the manifest names to begin with (`initial.stateMachine`). https://dotlottie.io/spec/2.0/ and .../1.0/.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from node_worker.engines.lottie.guard import number, objects

Document = dict[str, Any]
Mode = Literal["forward", "reverse", "bounce", "reverse-bounce"]
Tell = Callable[[str, str], None]  # takes a warning's code and detail
_SLOWEST, _FASTEST = 0.01, 100.0
_LAST = 0.01  # frames before the end of a part: at its very end the next one begins
_THEME = "SetTheme"
_WITHOUT_PICTURE = frozenset(
    ("SetBoolean", "SetString", "SetNumeric", "Increment", "Decrement", "Toggle", "Reset", "Fire", "OpenUrl", "FireCustomEvent")
)
"""Actions of a state that change no picture by themselves."""


class Playback(msgspec.Struct, frozen=True):
    """Which pictures of an animation are shown when; the whole of it forwards unless told otherwise."""

    speed: float = 1.0
    mode: Mode = "forward"
    segment: tuple[float, float] | str | None = None  # frames of the document, or a marker's name

    def within(self, document: Document) -> "Span":
        """The frames that are played of a document; a segment that it does not have is the whole."""
        start, end = float(document.get("ip") or 0), float(document["op"])
        first, last = self._ends(document) or (start, end)
        first, last = max(start, first), min(end, last)
        if not last > first:
            first, last = start, end
        return Span(self, first - start, last - first, float(document["fr"]))

    def _ends(self, document: Document) -> tuple[float, float] | None:
        if isinstance(self.segment, tuple):
            return self.segment
        for marker in objects(document.get("markers")):
            if self.segment is not None and marker.get("cm") == self.segment:
                begin, length = number(marker.get("tm")), number(marker.get("dr"))
                return (begin, begin + length) if length > 0 else None
        return None

    def is_known(self, document: Document) -> bool:
        """Whether the document has the segment."""
        return self.segment is None or self._ends(document) is not None


class Span(msgspec.Struct, frozen=True):
    """A stretch of an animation as it is played."""

    playback: Playback
    first: float  # frame, counted from the document's first
    count: float  # frames
    rate: float  # the document's frames in a second

    @property
    def duration(self) -> float:
        """Seconds that playing takes, once; there and back is one time."""
        turns = 2 if self.playback.mode in ("bounce", "reverse-bounce") else 1
        return self.count * turns / self.rate / self.playback.speed

    def frame(self, seconds: float) -> float:
        """Which frame is shown after so many seconds of playing, counted from the document's first; it may lie between two."""
        at = max(0.0, round(seconds * self.rate * self.playback.speed, 3))  # 7/30 s is frame 7, not 6.9999
        mode = self.playback.mode
        back = mode == "reverse" or (mode == "reverse-bounce" and at < self.count) or (mode == "bounce" and at >= self.count)
        if mode in ("bounce", "reverse-bounce") and at >= self.count:
            at -= self.count
        at = min(at, max(0.0, self.count - _LAST))
        return self.first + (max(0.0, self.count - 1 - at) if back else at)


def of_entry(entry: Document) -> Playback:
    """What a manifest of version 1 says of an animation."""
    bounce, back = entry.get("playMode") == "bounce", entry.get("direction") == -1
    mode: Mode = (
        ("reverse-bounce" if back else "bounce") if bounce else ("reverse" if back or entry.get("playMode") == "reverse" else "forward")
    )
    return Playback(_speed(entry.get("speed")), mode)


def of_machine(machine: Document, name: str, tell: Tell) -> tuple[str, Playback, str]:
    """A state machine's first state: the animation's id ("" for the one that is shown), how it is played, the theme that it sets."""
    states = {str(state.get("name")): state for state in objects(machine.get("states"))}
    state = states.get(str(machine.get("initial")))
    if state is None or state.get("type") != "PlaybackState":
        tell("bundle.state_machine", f"The state machine {name[:60]!r} begins with no state that plays an animation; it is left out.")
        return "", Playback(), ""
    tell("bundle.state_machine", f"The template reacts to people (state machine {name[:60]!r}); a film shows its first state alone.")
    mode = {"reverse": "reverse", "bounce": "bounce", "reversebounce": "reverse-bounce"}.get(
        str(state.get("mode", "")).lower().replace("-", ""), "forward"
    )
    actions = list(objects(state.get("entryActions")))
    left = {str(action.get("type"))[:40] for action in actions} - {_THEME} - _WITHOUT_PICTURE
    if left:
        tell(
            "bundle.state_action", f"The first state of {name[:60]!r} changes the picture by {', '.join(sorted(left))}, which is not drawn."
        )
    theme = next((str(action.get("value")) for action in actions if action.get("type") == _THEME), "")
    playback = Playback(_speed(state.get("speed")), mode, _segment(state.get("segment", state.get("marker"))))  # type: ignore[arg-type]
    held = state.get("animation")
    return held if isinstance(held, str) else "", playback, theme


def _speed(value: object) -> float:
    found = number(value)
    return 1.0 if math.isnan(found) or found <= 0 else min(max(found, _SLOWEST), _FASTEST)


def _segment(value: object) -> tuple[float, float] | str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, list) and len(value) == 2:
        first, last = number(value[0]), number(value[1])
        return (first, last) if last > first else None
    return None
