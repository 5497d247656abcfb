"""Events of a job's stream become its progress."""

import json
from typing import Any
from uuid import uuid4

from cli.client import Progress, advanced
from cli.progress import Timeline, nodes_line, progress_line
from cli.sse import ServerEvent

NOW = Progress(state="queued", frames_done=30, frames_total=90)


def _event(kind: str, **data: Any) -> ServerEvent:
    return ServerEvent(kind, "1", json.dumps({"data": {"job_id": str(uuid4()), **data}}))


def _tick(frames_done: int) -> ServerEvent:
    facts = {"frames_total": 90, "frames_per_second": 25.0, "seconds_left": 2.0, "nodes": {"node-1": 40, "node-2": 70}}
    return _event("render.job.progressed", frames_done=frames_done, **facts)


def test_a_job_goes_through_its_states() -> None:
    started = advanced(NOW, _event("render.job.started"))
    assembling = advanced(started, _event("render.job.assembling"))
    assert (started.state, assembling.state, assembling.frames_done) == ("rendering", "assembling", 90)
    assert [advanced(assembling, _event(f"render.job.{end}")).ended for end in ("completed", "failed", "cancelled")] == [True] * 3


def test_a_late_tick_never_takes_frames_back() -> None:
    verified = advanced(NOW, _event("render.job.advanced", frames_done=60))
    assert advanced(verified, _tick(45)).frames_done == 60
    assert advanced(verified, _tick(75)).frames_done == 75


def test_events_of_other_things_change_nothing() -> None:
    assert advanced(NOW, _event("studio.render.requested")) == NOW


def test_progress_names_speed_time_left_and_who_draws_what() -> None:
    now = advanced(advanced(NOW, _event("render.job.started")), _tick(45))
    assert progress_line(now) == "rendering: 45 of 90 frames, 25 frames/s, 2 s left"
    assert nodes_line(now, Timeline([("intro", 60), ("outro", 30)])) == "node-1 draws frame 40 of intro, node-2 draws frame 70 of outro"


def test_a_frame_behind_the_end_belongs_to_no_scene() -> None:
    assert [Timeline([("a", 2), ("b", 1)]).scene(frame) for frame in range(4)] == ["a", "a", "b", ""]
