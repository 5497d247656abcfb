"""Framing of server-sent events, and who gets which."""

import asyncio
import json
from uuid import uuid4

from api_edge.stream.events import FeedEvent, kind_of, tick_frame
from api_edge.stream.streams import MOST_EVENTS, Stream, Streams, Wanted
from contracts.identity.api_keys import ApiKeyCreated
from contracts.message import encode, type_of
from contracts.render.jobs import JobCancelled, JobPlanned, JobProgress

TENANT = str(uuid4())
JOB = uuid4()


def event(message, position=1, tenant=TENANT):
    return FeedEvent(0, position, type_of(message).full_name, tenant, "i", "t", "co", "ca", encode(message))


def test_a_frame_has_position_type_and_one_line_of_json():
    frame = event(JobCancelled(job_id=JOB, metadata={"n": "a\nb"}), 42).frame.decode()
    lines = frame.split("\n")
    assert lines[0] == "id: 42"
    assert lines[1] == "event: render.job.cancelled"
    assert lines[3:] == ["", ""]
    data = json.loads(lines[2].removeprefix("data: "))
    assert data["type"] == "render.job.cancelled"
    assert data["data"] == {"job_id": str(JOB), "metadata": {"n": "a\nb"}}
    assert (data["correlation"], data["causation"]) == ("co", "ca")


def test_the_hash_of_a_keys_secret_does_not_leave_the_house():
    created = ApiKeyCreated(key_id=JOB, name="x", scopes=("*",), secret_sha256="f" * 64, hint="")
    assert b"ffff" not in event(created).frame
    assert b'"name":"x"' in event(created).frame


def test_a_tick_has_no_id():
    frame = tick_frame(kind_of(type_of(JobProgress).full_name), b'{"frames_done":1}')
    assert frame == b'event: render.job.progressed\ndata: {"type":"render.job.progressed","data":{"frames_done":1}}\n\n'


def test_a_stream_gets_its_tenants_public_events_of_its_types_and_job():
    cancelled = event(JobCancelled(job_id=JOB))
    assert Wanted(TENANT).event(cancelled)
    assert not Wanted(str(uuid4())).event(cancelled)
    assert Wanted(TENANT, ("render.job.",)).event(cancelled)
    assert not Wanted(TENANT, ("content.",)).event(cancelled)
    assert Wanted(TENANT, (), str(JOB)).event(cancelled)
    assert not Wanted(TENANT, (), str(uuid4())).event(cancelled)
    planned = JobPlanned(job_id=JOB, engine_build="", encoder_build="", segments_total=1, segments_done=0, frames_done=0)
    assert not Wanted(TENANT).event(event(planned))


async def test_a_slow_reader_is_ended_and_told_how_to_go_on():
    stream = Stream(uuid4(), Wanted(TENANT))
    for position in range(MOST_EVENTS + 1):
        stream.offer(position, b"x")
    assert "Last-Event-ID" in stream.ended
    assert await stream.wait(0)


async def test_what_was_replayed_is_not_given_again():
    stream = Stream(uuid4(), Wanted(TENANT))
    stream.offer(5, b"five")
    stream.offer(-1, b"tick")
    stream.offer(6, b"six")
    assert stream.take(behind=5) == b"ticksix"


async def test_a_waiting_reader_wakes_when_its_key_ends():
    streams, key = Streams(), uuid4()
    stream, other = Stream(key, Wanted(TENANT)), Stream(uuid4(), Wanted(TENANT))
    streams.add(stream)
    streams.add(other)
    waiting = asyncio.create_task(stream.wait(5))
    await asyncio.sleep(0)
    streams.end_of(key, "the API key was revoked")
    assert await waiting
    assert stream.ended
    assert not other.ended
