"""The command line against a running stack: a person's values in a checked video, clear refusals, and what survives a fault."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psutil
import pytest

from cli import video_check
from cli.client import Client
from cli.filling import request
from cli.transfer import sha256_of
from contracts.envelope import first
from contracts.message import DEFAULT_TENANT
from contracts.message import encode as encode_message
from contracts.notification.notifications import ReadNotification
from contracts.project_file import ProjectFile
from deploy.local.stack import Stack
from templates.build import demo_bundle
from templates.samples import heavy, many_scenes, simple
from templates.sound import encode, whoosh

pytestmark = pytest.mark.timeout(240)
BLUE = "#0000FF"


@pytest.fixture(scope="module")
def stack(commands_stack: Stack) -> Stack:
    """The whole product, for these files alone."""
    return commands_stack


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template of one scene and one second."""
    path = tmp_path / "simple.json"
    path.write_bytes(simple("Hello", seconds=1))
    return path


async def flatrender(*arguments: object, cwd: Path) -> tuple[int, str, str]:
    """Run the command; its exit code, output and errors."""
    command = [sys.executable, "-m", "cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    environment = {name: value for name, value in environment.items() if not name.startswith("FLATRENDER_")}
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


def here(stack: Stack) -> list[str]:
    return ["--url", stack.url, "--api-key", stack.api_key]


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_words_colours_and_music_of_ones_own_are_in_the_video(stack: Stack, template: Path, tmp_path: Path) -> None:
    encode(whoosh(), tmp_path / "music.m4a")
    options = ["--set", "frl_title=سلام Hello", "--color", f"primary={BLUE}", "--music", "music.m4a", "--music-volume", "0.5"]
    look = ["--size", "320x180", "--fps", "29.97", "--quality", "high", "--json", "-o", "film.mp4"]
    code, out, errors = await flatrender("render", template, *options, *look, *here(stack), cwd=tmp_path)
    assert (code, errors) == (0, "")
    told = events(out)
    result = told[-1]
    assert result["event"] == "result"
    assert result["sha256"] == sha256_of(tmp_path / "film.mp4")
    assert {line["event"] for line in told} == {"step", "progress", "result"}
    video = video_check.examined(tmp_path / "film.mp4")
    assert (video.codec, video.width, video.height, video.frames, video.audio_codec) == ("h264", 320, 180, 30, "aac")
    assert str(video.rate) == "30000/1001"
    assert blue_share(tmp_path / "film.mp4") > 0.01


def blue_share(path: Path) -> float:
    """The share of the first frame's pixels that are blue."""
    import av

    with av.open(str(path)) as file:
        pixels = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    return float(np.mean((pixels[..., 2] > 180) & (pixels[..., 0] < 60) & (pixels[..., 1] < 60)))


async def test_a_project_file_brings_its_pictures_and_scenes(stack: Stack, tmp_path: Path) -> None:
    from PIL import Image

    for name, colour in (("dawn.jpg", "#FFFFFF"), ("blue.png", BLUE)):
        Image.new("RGB", (192, 108), colour).save(tmp_path / name)
    (tmp_path / "photo.lottie").write_bytes(demo_bundle((tmp_path / "dawn.jpg").read_bytes()))
    scene = {"scene": "picture", "pictures": {"frl_photo": "blue.png"}, "texts": {"frl_title": "آبی"}}
    (tmp_path / "project.json").write_text(json.dumps({"scenes": [scene, scene], "width": 320, "height": 180, "rate": [10, 1]}))
    code, out, errors = await flatrender("render", "photo.lottie", "--project", "project.json", *here(stack), cwd=tmp_path)
    assert (code, errors) == (0, ""), out
    assert "60 of 60 frames" in out
    assert video_check.examined(tmp_path / "photo.mp4").frames == 60


async def test_refusals_name_the_field_and_what_to_do(stack: Stack, template: Path, tmp_path: Path) -> None:
    code, out, errors = await flatrender("render", template, "--set", "frl_titel=x", *here(stack), cwd=tmp_path)
    assert code == 1
    assert "--set frl_titel" in errors
    assert "did you mean 'frl_title'" in errors
    code, out, _ = await flatrender("render", template, "--size", "33x180", "--json", *here(stack), cwd=tmp_path)
    problem = events(out)[-1]
    assert (code, problem["event"], problem["code"], problem["field"]) == (1, "problem", "request.invalid", "width")
    assert not list(tmp_path.glob("*.mp4"))


async def test_a_file_that_is_no_template_is_refused_with_its_reason(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "broken.lottie").write_bytes(b"PK\x03\x04 not a zip")
    code, _, errors = await flatrender("render", "broken.lottie", *here(stack), cwd=tmp_path)
    assert code == 1
    assert errors.startswith("bundle.damaged: broken.lottie: ")
    assert "Traceback" not in errors


async def test_a_wrong_key_is_refused_with_what_to_do(stack: Stack, template: Path, tmp_path: Path) -> None:
    code, _, errors = await flatrender("render", template, "--url", stack.url, "--api-key", "fr_wrong", cwd=tmp_path)
    assert code == 1
    assert errors.startswith("auth.")
    assert "What to do:" in errors


async def test_what_can_be_changed_is_listed_as_it_is_written(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "many.lottie").write_bytes(many_scenes(2))
    code, out, _ = await flatrender("render", "many.lottie", "--list", "--data", stack.data, cwd=tmp_path)
    assert code == 0
    assert "--set scene-002.frl_title=scene-002\n" in out
    assert out.count("--color primary='#D9485F'") == 1


async def test_a_file_of_several_parts_arrives_whole(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((2, 2, 48000, 0, "NONE", ""))
        out.writeframes(np.random.default_rng(1).bytes(35 << 20))
    sent: list[int] = []
    async with Client(stack.url, stack.api_key) as client:
        file = await client.send_file(path, sent.append)
    assert (file.kind, file.sha256, len(sent), sum(sent)) == ("audio", sha256_of(path), 3, path.stat().st_size)


async def test_a_render_is_followed_to_its_end_through_a_killed_edge(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "heavy.json"
    path.write_bytes(heavy(seconds=3, size=(640, 360), layer_count=4))
    async with Client(stack.url, stack.api_key) as client:
        file = await client.send_file(path)
        project_id = await client.create_project("heavy", file.file_id)
        await client.wait_project(project_id)
        submitted = await client.render(request(ProjectFile(width=640, height=360), project_id, {}))
        assert submitted.job_id is not None
        seen = []
        async for now in client.follow(submitted.job_id):
            if not seen:
                await stack.processes.kill("edge")
            seen.append(now)
        assert (seen[-1].state, seen[-1].frames_done) == ("completed", 90)
        assert seen[-1].job is not None
        await client.download(seen[-1].job, tmp_path / "heavy.mp4")
    assert video_check.examined(tmp_path / "heavy.mp4").frames == 90


async def test_ctrl_c_cancels_the_render_that_nobody_waits_for(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    path.write_bytes(heavy(seconds=60, size=(1920, 1080)))
    command = [sys.executable, "-m", "cli", "render", str(path), "--json", *here(stack)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    job_id = None
    async for line in process.stdout:
        told = json.loads(line)
        job_id = told.get("job_id", job_id)
        if told["event"] == "progress":
            process.send_signal(signal.SIGINT)
            break
    await process.stdout.read()
    assert await process.wait() == 128 + signal.SIGINT
    async with Client(stack.url, stack.api_key) as client:
        assert (await client.job(UUID(job_id))).state == "cancelled"
    assert not list(tmp_path.glob("*.mp4*"))


async def test_the_log_is_read_by_type_and_from_a_position_on(stack: Stack, tmp_path: Path) -> None:
    code, out, _ = await flatrender("log", "--data", stack.data, "--type", "identity.", "--json", cwd=tmp_path)
    found = events(out)
    assert code == 0
    assert [event["type"] for event in found][:2] == ["evt.identity.tenant.created.v1", "evt.identity.api_key.created.v1"]
    code, out, _ = await flatrender("log", "--data", stack.data, "--since", found[0]["position"], cwd=tmp_path)
    assert (code, out.split()[0]) == (0, str(found[0]["position"] + 1))


async def test_replay_agrees_and_names_a_row_that_was_changed(stack: Stack, tmp_path: Path) -> None:
    import asyncpg

    code, out, errors = await flatrender("replay", "--verify", "--data", stack.data, cwd=tmp_path)
    assert (code, errors) == (0, ""), out
    assert out.startswith("equal: ")
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    try:
        await conn.execute("update identity.tenants set name = 'Changed' where name = 'Default'")
        code, out, _ = await flatrender("replay", "--verify", "--data", stack.data, cwd=tmp_path)
        assert code == 1
        assert "identity.tenants" in out
        assert "name is 'Changed', the log says 'Default'" in out
    finally:
        await conn.execute("update identity.tenants set name = 'Default' where name = 'Changed'")
        await conn.close()


async def test_a_command_in_quarantine_is_listed_and_tried_again(stack: Stack, tmp_path: Path) -> None:
    import asyncpg

    command = ReadNotification(notification_id=uuid4())
    envelope = first(command, tenant=DEFAULT_TENANT)
    row = [DEFAULT_TENANT, envelope.id, envelope.type, json.dumps(envelope.headers()), encode_message(command).decode(), envelope.time]
    conn = await asyncpg.connect(stack.servers.pg_admin_dsn)
    try:
        outcome = json.dumps({"problem": {"detail": "the disk was full"}})
        await conn.execute(
            "insert into notification.inbox (tenant_id, id, type, request_hash, state, outcome, headers, body, decided_at)"
            " values ($1, $2, $3, '', 'quarantined', $7, $4, $5, $6)",
            *row,
            outcome,
        )
        code, out, _ = await flatrender("quarantine", "list", "--data", stack.data, cwd=tmp_path)
        assert code == 0
        assert f"{envelope.id}" in out
        assert "the disk was full" in out
        code, out, errors = await flatrender("quarantine", "redrive", envelope.id, "--data", stack.data, cwd=tmp_path)
        assert (code, errors) == (0, "")
        async with asyncio.timeout(60):
            # It is decided now as it would have been then: no such notification.
            while await conn.fetchval("select state from notification.inbox where id = $1", envelope.id) != "refused":
                await asyncio.sleep(0.05)
    finally:
        await conn.close()
    code, _, errors = await flatrender("quarantine", "redrive", envelope.id, "--data", stack.data, cwd=tmp_path)
    assert code == 1
    assert errors.startswith("quarantine.not_found at ID: ")


async def test_up_writes_its_facts_and_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "cli", "up", "--data", str(data), "--nodes", "1"]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "PYTHONPATH": os.getcwd()}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = [(await process.stdout.readline()).decode() for _ in range(5)]
    facts = json.loads((data / "stack.json").read_text())
    assert set(facts) == {"url", "api_key", "nats_url", "pg_dsn", "s3_url"}
    assert facts["url"] in told[0]
    assert facts["api_key"] in told[1]
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) > 5
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not (data / "stack.json").exists()
    # PostgreSQL alone is started from the folder, and stopped again.
    code, out, errors = await flatrender("replay", "--verify", "--data", data, cwd=tmp_path)
    assert (code, errors, out[:7]) == (0, "", "equal: ")
    assert not (data / "postgres" / "postmaster.pid").exists()
