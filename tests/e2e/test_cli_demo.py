"""The demo, as a newcomer runs it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import video_check


@pytest.mark.timeout(400)
async def test_the_demo_renders_checks_and_replays_and_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "demo", "--data", str(tmp_path / "data"), "--picture", "demo.png", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    told = [json.loads(line) for line in out.splitlines()]
    result = told[-1]
    assert (result["event"], result["frames"], result["replay"]) == ("result", 360, "equal")
    drawing = [line for line in told if line["event"] == "progress" and line["nodes"]]
    assert {node for line in drawing for node in line["nodes"]} == {"node-1", "node-2"}
    assert any(line["frames_per_second"] > 0 and line["seconds_left"] is not None for line in drawing)
    video = video_check.examined(tmp_path / "demo.mp4")
    assert (video.codec, video.width, video.height, video.frames, video.audio_codec) == ("h264", 1280, 720, 360, "aac")
    assert (tmp_path / "demo.png").stat().st_size < 300_000
    assert not (tmp_path / "data" / "stack.json").exists()
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()
