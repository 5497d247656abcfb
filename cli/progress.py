"""How far a render is, in words."""

from cli.client import Progress


class Timeline:
    """Which scene a frame of the video belongs to."""

    def __init__(self, scenes: list[tuple[str, int]]) -> None:
        self._scenes = scenes

    def scene(self, frame: int) -> str:
        """The name of the scene that shows this frame; empty behind the end."""
        for name, count in self._scenes:
            if frame < count:
                return name
            frame -= count
        return ""


def progress_line(now: Progress) -> str:
    """The progress in words."""
    if now.state == "queued":
        return "waits for a node"
    if now.state == "assembling":
        return "joins the segments and lays the sound on"
    speed = f", {now.frames_per_second:.0f} frames/s" if now.frames_per_second else ""
    left = f", {now.seconds_left:.0f} s left" if now.seconds_left is not None and not now.ended else ""
    return f"{now.state}: {now.frames_done} of {now.frames_total} frames{speed}{left}"


def nodes_line(now: Progress, timeline: Timeline) -> str:
    """Which node does what, in words."""
    return ", ".join(f"{node} draws frame {frame}{_scene(timeline, frame)}" for node, frame in sorted(now.nodes.items()))


def _scene(timeline: Timeline, frame: int) -> str:
    name = timeline.scene(frame)
    return f" of {name}" if name else ""
