"""The event stream and what it rests on, on real servers."""

import asyncio
import json
from uuid import uuid4

from api_edge.stream import sse
from contracts.message import DEFAULT_TENANT, encode, type_of
from contracts.render.jobs import JobAdvanced, JobCancelled, JobFailed, JobPaused, JobProgress, JobStarted
from tests.store.edge.support import OTHER_TENANT


class Reader:
    """Reads an event stream; `events` are (id, type, data)."""

    def __init__(self, answer):
        self.answer, self.comments = answer, []

    async def next(self, seconds=30):
        fields = {}
        async with asyncio.timeout(seconds):
            while True:
                line = (await self.answer.content.readline()).decode()
                if not line:
                    return None
                name, _, value = line.rstrip("\n").partition(": ")
                if line == "\n" and "event" in fields:
                    return fields.get("id"), fields["event"], json.loads(fields["data"])
                if line.startswith(":"):
                    self.comments.append(value)
                elif line != "\n":
                    fields[name] = value


async def opened(client, path="/v1/events", **headers):
    answer = await client.get(path, headers=headers)
    assert answer.status == 200, await answer.text()
    return Reader(answer)


async def test_an_event_reaches_its_tenants_stream_and_no_other(backend, client, session_for):
    other = await session_for(["*"], OTHER_TENANT)
    mine, theirs = await opened(client, "/v1/events?types=render.job."), await opened(other, "/v1/events?types=render.job.")
    job = uuid4()
    position = await backend.happen(JobCancelled(job_id=job))
    await backend.happen(JobCancelled(job_id=uuid4()), OTHER_TENANT)
    id, name, data = await mine.next()
    assert (id, name, data["data"]["job_id"]) == (str(position), "render.job.cancelled", str(job))
    id, _, _ = await theirs.next()
    assert id == str(position + 1)


async def test_a_stream_resumes_without_gap_or_repeat_while_events_go_on(backend, client):
    start = await backend.happen(JobCancelled(job_id=uuid4()))

    async def keep_happening():
        return [await backend.happen(JobCancelled(job_id=uuid4())) for _ in range(60)]

    before = [await backend.happen(JobCancelled(job_id=uuid4())) for _ in range(20)]
    going = asyncio.create_task(keep_happening())
    await asyncio.sleep(0.01)
    reader = await opened(client, "/v1/events?types=render.job.cancelled", **{"Last-Event-ID": str(start)})
    got = [int((await reader.next())[0]) for _ in range(80)]
    assert got == before + await going


async def test_what_the_feed_never_delivered_is_read_from_the_log(backend, client):
    reader = await opened(client, "/v1/events?types=render.")
    js = backend.log.jetstream()
    config = (await js.stream_info("EVENTS")).config
    # The stream stores the event and tells nobody: as when a connection drops what is under way.
    await js.update_stream(config.evolve(republish=None))
    try:
        position = await backend.happen(JobCancelled(job_id=uuid4()))
        assert (await reader.next())[0] == str(position)
    finally:
        await js.update_stream(config)


async def test_progress_has_no_id_and_can_be_asked_for_by_job(backend, client):
    job = await a_render(backend)
    reader = await opened(client, f"/v1/events?job_id={job}")
    for id in (uuid4(), job):
        tick = JobProgress(job_id=id, frames_done=1, frames_total=2, frames_per_second=3.0, seconds_left=None, nodes={})
        await backend.nc.publish(type_of(tick).subject(DEFAULT_TENANT), encode(tick))
    id, name, data = await reader.next()
    assert (id, name, data["data"]["job_id"]) == (None, "render.job.progressed", str(job))


async def a_render(backend, state="rendering", correlation=None):
    """A row of the render domain, whose events have this correlation."""
    job = uuid4()
    await backend.pg.execute(
        """insert into render.render_jobs (tenant_id, version, created_at, updated_at, job_id, state, spec_sha256, priority, width, height,
             rate_num, rate_den, quality, has_voiceover, frames_total, frames_done, segments_total, segments_done, engine_build,
             encoder_build, assemble_attempts, warnings, metadata, code, detail, field, needs, paused, correlation_id)
           values ($1, 1, now(), now(), $2, $3, '', 50, 16, 16, 30, 1, 'draft', false, 30, 0, 1, 0, '',
             '', 0, '[]', '{}', $4, '', '', '{}', false, $5)""",
        DEFAULT_TENANT, job, state, "x" if state == "failed" else "", correlation,
    )  # fmt: skip
    return job


async def to_the_end(reader):
    """All that a stream tells until it ends."""
    told = []
    while (event := await reader.next()) is not None:
        told.append(event[1])
    return told


async def correlation_at(backend, position):
    return await backend.pg.fetchval("select correlation_id from log.events where position = $1", position)


async def test_the_stream_of_a_render_begins_at_its_start_and_ends_with_it(backend, client):
    before = await backend.happen(JobCancelled(job_id=uuid4()))
    job = await a_render(backend)
    started = await backend.happen(JobStarted(job_id=job))
    await backend.pg.execute(
        "update render.render_jobs set correlation_id = $1 where job_id = $2", await correlation_at(backend, started), job
    )
    await backend.happen(JobPaused(job_id=uuid4()))
    reader = await opened(client, f"/v1/events?job_id={job}")
    assert (await reader.next())[:2] == (str(started), "render.job.started") and started > before
    await backend.happen(JobAdvanced(job_id=job, segments_done=1, frames_done=30))
    await backend.happen(JobCancelled(job_id=job))
    await backend.happen(JobPaused(job_id=uuid4()))
    assert await to_the_end(reader) == ["render.job.advanced", "render.job.cancelled"]
    assert "ended" in reader.comments[-1]


async def test_the_stream_of_a_render_that_has_ended_tells_all_and_ends(backend, client):
    job = await a_render(backend, "failed")
    started = await backend.happen(JobStarted(job_id=job))
    await backend.pg.execute(
        "update render.render_jobs set correlation_id = $1 where job_id = $2", await correlation_at(backend, started), job
    )
    await backend.happen(JobFailed(job_id=job, code="x", detail="y"))
    assert await to_the_end(await opened(client, f"/v1/events?job_id={job}")) == ["render.job.started", "render.job.failed"]
    assert await to_the_end(await opened(client, f"/v1/events?job_id={job}&types=render.job.started")) == ["render.job.started"]


async def test_a_reader_who_knows_the_end_of_a_render_already_is_not_kept(backend, client, monkeypatch):
    monkeypatch.setattr(sse, "HEARTBEAT", 0.05)
    job = await a_render(backend, "cancelled")
    end = await backend.happen(JobCancelled(job_id=job))
    reader = await opened(client, f"/v1/events?job_id={job}", **{"Last-Event-ID": str(end)})
    assert await to_the_end(reader) == [] and any("cancelled" in comment for comment in reader.comments)


async def test_a_render_that_was_just_asked_for_is_told_from_its_first_event_on(backend, client):
    job = await a_render(backend, "queued")
    position = await backend.happen(JobStarted(job_id=job))
    assert (await (await opened(client, f"/v1/events?job_id={job}")).next())[0] == str(position)


async def test_what_nobody_can_be_told_of_is_refused_with_what_there_is(client):
    for query, status, code, field in (
        ("types=render.jobs.", 400, "request.parameter", "types"),
        ("types=render.job.,nonsense", 400, "request.parameter", "types"),
        ("job_id=7", 400, "request.parameter", "job_id"),
        (f"job_id={uuid4()}", 404, "job.not_found", "job_id"),
    ):
        async with client.get(f"/v1/events?{query}") as answer:
            body = await answer.json(content_type=None)
            assert (answer.status, body["code"], body["field"]) == (status, code, field), query
            assert field != "types" or "render.job.completed" in body["detail"]


async def test_a_revocation_ends_open_streams_and_the_key_at_once(backend, edge, session_for):
    session = await session_for(["*"])
    reader = await opened(session)
    await backend.revoke(session.key_id)
    while await reader.next() is not None:
        pass
    assert "revoked" in reader.comments[-1]
    async with session.get("/v1/me") as answer:
        assert answer.status == 401


async def test_a_wrong_last_event_id_is_a_problem(client):
    async with client.get("/v1/events", headers={"Last-Event-ID": "x"}) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (400, "request.parameter")


async def test_a_list_of_what_there_is_not_is_refused_with_what_there_is(client):
    for path, field, named in (
        ("/v1/log?type=render.jobs", "type", "render.job.completed"),
        ("/v1/renders?state=done", "state", "completed"),
        ("/v1/renders?state=", "state", "completed"),
    ):
        async with client.get(path) as answer:
            body = await answer.json(content_type=None)
            assert (answer.status, body["code"], body["field"]) == (400, "request.parameter", field), path
            assert named in body["detail"]
    async with client.get("/v1/log?type=render.job.completed.v1") as answer:
        assert answer.status == 200
