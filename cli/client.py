"""A client of the HTTP API: files, templates, renders and their progress. Every method raises Mistake with what to do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import msgspec

from cli import sse, transfer
from cli.errors import Mistake
from cli.responses import File, Node, Page, Project, Render, Scene, Submitted, Upload
from cli.transport import ApiProblem, Transport, problem_of
from cli.waiting import until
from contracts.content.projects import CreateProject
from contracts.message import type_of
from contracts.render.jobs import JobAdvanced, JobAssembling, JobProgress, JobStarted, JobWarned
from contracts.spec import Warning
from contracts.studio.renders import RequestRender

ENDED = ("completed", "failed", "cancelled")
POLL = 0.5  # seconds between two looks at a job while no event stream can be had
SILENCE = 30.0  # seconds; the service sends a sign of life every 10
A_NODE = "Is a node running? `GET /v1/nodes` lists them."
_STARTED, _ADVANCED, _ASSEMBLING, _WARNED, _TICK = (
    type_of(kind).name for kind in (JobStarted, JobAdvanced, JobAssembling, JobWarned, JobProgress)
)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a render is; `nodes` names who draws which frame of the video."""

    state: str
    frames_done: int
    frames_total: int
    frames_per_second: float = 0.0
    seconds_left: float | None = None
    nodes: dict[str, int] = {}
    warnings: tuple[Warning, ...] = ()  # what will not look as it was meant
    job: Render | None = None  # the whole row where it was asked for; always there at the end

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ENDED


class Client:
    """Use as `async with Client(url, api_key) as client:`."""

    def __init__(self, url: str, api_key: str) -> None:
        self.api = Transport(url, api_key)

    async def __aenter__(self) -> "Client":
        await self.api.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.api.__aexit__(*error)

    async def upload(self, path: Path, done: transfer.Done | None = None) -> UUID:
        """Send a file; returns its id. `done` is told bytes as they are sent."""
        return await transfer.Upload(self.api, path, done).send()

    async def wait_file(self, file_id: UUID, upload: UUID | None = None, within: float = 120.0) -> File:
        """Wait until a node has opened the file; a rejected one is a Mistake with the file's code."""
        file = await until(
            lambda: self._file(file_id, upload),
            lambda row: row is not None and row.state != "inspecting",
            "a node to open the file",
            within,
            A_NODE,
        )
        assert file is not None
        if file.state == "rejected":
            raise Mistake(file.code, f"{file.name}: {file.detail}", remedy="Send another file.")
        return file

    async def send_file(self, path: Path, done: transfer.Done | None = None) -> File:
        """Send a file, wait until it is ready, and see that the service has the very bytes that lie here."""
        sending = transfer.Upload(self.api, path, done)
        file_id = await sending.send()
        assert sending.started is not None
        file = await self.wait_file(file_id, sending.started.upload_id)
        if file.sha256 != await asyncio.to_thread(transfer.sha256_of, path):
            raise Mistake(
                "upload.damaged", f"{path} is not what arrived: it was changed meanwhile, or damaged on its way", remedy="Send it again."
            )
        return file

    async def create_project(self, name: str, file_id: UUID) -> UUID:
        """Make a template out of a file; returns the project's id."""
        return UUID((await self.api.post("/v1/projects", CreateProject(name=name[:200], file_id=file_id), dict[str, str]))["project_id"])

    async def wait_project(self, project_id: UUID, within: float = 120.0) -> Project:
        """Wait until a template can be rendered; a failed one is a Mistake with its code."""
        project = await until(
            lambda: self.project(project_id), lambda row: row.state in ("published", "failed"), "the template to be read", within, A_NODE
        )
        if project.state == "failed":
            raise Mistake(project.code, f"{project.name}: {project.detail}", remedy="Send another template.")
        return project

    async def project(self, project_id: UUID) -> Project:
        """A template as it is now."""
        return await self.api.get(f"/v1/projects/{project_id}", Project)

    async def scenes(self, project_id: UUID) -> list[Scene]:
        """All scenes of a template in order."""
        return [msgspec.json.decode(raw, type=Scene) for raw in await self.all(f"/v1/projects/{project_id}/scenes")]

    async def nodes(self) -> list[Node]:
        """The farm's nodes."""
        return [msgspec.json.decode(raw, type=Node) for raw in await self.all("/v1/nodes")]

    async def all(self, path: str) -> list[msgspec.Raw]:
        """Every row of a list, page by page."""
        page = await self.api.get(path, Page)
        rows = list(page.data)
        while page.next_cursor:
            page = await self.api.get(path, Page, cursor=page.next_cursor)
            rows += page.data
        return rows

    async def rows(self, path: str) -> list[dict[str, Any]]:
        """Every row of a list, as a table shows it."""
        return [msgspec.json.decode(raw) for raw in await self.all(path)]

    async def page(self, path: str, **params: str) -> list[dict[str, Any]]:
        """The first page of a list."""
        return [msgspec.json.decode(raw) for raw in (await self.api.get(path, Page, **params)).data]

    async def render(self, request: RequestRender, *, dry_run: bool = False, key: str | None = None) -> Submitted:
        """Ask for a render, or with `dry_run` only what it would be."""
        params = {"dry_run": "true"} if dry_run else {}
        return await self.api.post("/v1/renders", request, Submitted, key=key, **params)

    async def job(self, job_id: UUID) -> Render:
        """A render as it is now."""
        return await self.api.get(f"/v1/renders/{job_id}", Render)

    async def cancel(self, job_id: UUID) -> None:
        """Stop a render."""
        await self.api.post(f"/v1/renders/{job_id}/cancel", {}, msgspec.Raw)

    async def follow(self, job_id: UUID) -> AsyncIterator[Progress]:
        """How far a render is, until it has ended; by the event stream, and by asking where no stream can be had."""
        streamed = True
        while True:
            job = await self.job(job_id)
            now = Progress(state=job.state, frames_done=job.frames_done, frames_total=job.frames_total, warnings=job.warnings, job=job)
            yield now
            if now.ended:
                return
            try:
                if streamed:
                    # The stream goes on behind the position that the answer reflects, so nothing is missed in between.
                    async for event in self.events(after=self.api.position, job_id=str(job_id)):
                        now = advanced(now, event)
                        if now.ended:
                            break
                        yield now
                    continue
            except ApiProblem:
                streamed = False
            except Mistake:
                pass  # the connection broke: the next look says how far it is, or raises when nobody answers for long
            await asyncio.sleep(POLL)

    async def events(self, after: str | None = None, **wanted: str) -> AsyncIterator[sse.ServerEvent]:
        """The tenant's events behind a position (none: from now on), until the connection ends; `wanted`: job_id, types."""
        headers = self.api.authorised(Accept="text/event-stream", **({} if after is None else {"Last-Event-ID": after}))
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE)
        try:
            async with self.api.http.get(f"{self.api.url}/v1/events", params=wanted, headers=headers, timeout=timeout) as answer:
                if answer.status != 200:
                    raise problem_of(answer.status, await answer.read())
                async for event in sse.events(answer.content):
                    yield event
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.api.unreachable(error) from error

    async def download(self, job: Render, target: Path, done: transfer.Done | None = None) -> None:
        """Fetch a completed render's video and check its size and SHA-256."""
        if not job.url:  # its file is looked at first, or made anew
            remedy = f"`flatrender explain {job.job_id}` says whether its file is made anew; its storage may be away."
            job = await until(lambda: self.job(job.job_id), lambda now: bool(now.url), "the video's file to be looked at", remedy=remedy)
        assert job.sha256 is not None and job.bytes is not None, "only a completed render has a video"
        await transfer.download(self.api, job.url, target, job.sha256, job.bytes, done)

    async def _file(self, file_id: UUID, upload_id: UUID | None) -> File | None:
        try:
            return await self.api.get(f"/v1/files/{file_id}", File)
        except ApiProblem as problem:
            if problem.status != 404 or upload_id is None:
                raise
        upload = await self.api.get(f"/v1/uploads/{upload_id}", Upload)
        if upload.state == "aborted":
            raise Mistake("file.upload_aborted", f"{upload.name}: {upload.reason}", remedy="Send the file again.")
        return None


def advanced(now: Progress, event: sse.ServerEvent) -> Progress:
    """The progress after an event of the job's stream; an event that ends the job only sets the state."""
    data: dict[str, Any] = msgspec.json.decode(event.data).get("data", {})
    if event.type == _TICK:
        tick = msgspec.convert(data, JobProgress)
        names = ("frames_done", "frames_total", "frames_per_second", "seconds_left", "nodes")
        known = {name: getattr(tick, name) for name in names}
        return msgspec.structs.replace(now, **known | {"frames_done": max(now.frames_done, tick.frames_done)}, job=None)
    if event.type == _STARTED:
        return msgspec.structs.replace(now, state="rendering", job=None)
    if event.type == _ADVANCED:
        return msgspec.structs.replace(now, frames_done=max(now.frames_done, data["frames_done"]), job=None)
    if event.type == _ASSEMBLING:
        return msgspec.structs.replace(
            now, state="assembling", frames_done=now.frames_total, frames_per_second=0.0, seconds_left=None, nodes={}, job=None
        )
    if event.type == _WARNED:
        return msgspec.structs.replace(now, warnings=(*now.warnings, *msgspec.convert(data["warnings"], tuple[Warning, ...])), job=None)
    ended = event.type.rpartition(".")[2]
    return msgspec.structs.replace(now, state=ended, job=None) if event.type.startswith("render.job.") and ended in ENDED else now
