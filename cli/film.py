"""From a template file to a video file: sends what is needed, asks for the render, follows it, fetches and checks the result."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import msgspec

from cli import filling
from cli.client import Client, Progress
from cli.errors import Mistake
from cli.naming import in_own_words
from cli.progress import Timeline
from cli.reporting import Reporter
from cli.responses import Project, Render, Scene, Submitted
from cli.transport import ApiProblem
from cli.waiting import together
from contracts.project_file import ProjectFile
from contracts.spec import Warning, frames_of
from contracts.studio.renders import RequestRender

CANCEL_WITHIN = 3.0  # seconds


class Template(msgspec.Struct, frozen=True):
    """A template that the service has read, and what went with it."""

    project: Project
    scenes: list[Scene]
    file_ids: dict[str, UUID]


class Asked(msgspec.Struct, frozen=True):
    """What the service is asked for, what a person wrote, and what became of the files that they named."""

    project: ProjectFile
    file_ids: dict[str, UUID]
    request: RequestRender


class Film(msgspec.Struct, frozen=True):
    """A finished video; `expected_frames` follow from the template alone, `seconds` run from submitting to the file's being here."""

    output: Path
    job: Render
    expected_frames: int
    seconds: float


async def send(client: Client, template: Path, sounds: Sequence[Path], reporter: Reporter) -> Template:
    """Send a template and its sounds at the same time, and wait until the template can be filled. Raises Mistake."""
    files = await together(client.send_file(path) for path in (template, *sounds))
    if files[0].kind != "template":
        raise Mistake(
            "template.kind",
            f"{template} is {_kind(files[0].kind)}, not a template",
            "TEMPLATE",
            "Give a .lottie, a Lottie .json or a zip of them.",
        )
    project_id = await client.create_project(template.stem, files[0].file_id)
    project, scenes = await client.wait_project(project_id), await client.scenes(project_id)
    elements = sum(len(scene.elements) for scene in scenes)
    reporter.step(
        f"{template.name} is read: {_count(len(scenes), 'scene')}, {_count(elements, 'element')}", project_id=project_id, scenes=len(scenes)
    )
    _warn(project.warnings, reporter)
    return Template(project, scenes, {str(path): file.file_id for path, file in zip(sounds, files[1:], strict=True)})


async def prepared(
    client: Client, template: Path, project: ProjectFile, settings: Sequence[filling.Setting], reporter: Reporter
) -> tuple[Asked, Sequence[Scene]]:
    """Send a template and all that a project and further settings put into it; what can be asked for then. Raises Mistake."""
    besides = list(dict.fromkeys([*(Path(track.file) for track in project.audio), *map(Path, project.fonts)]))
    filling.files(project)  # what is missing here is told before anything is sent
    sent = await send(client, template, besides, reporter)
    project = filling.filled(project, settings, sent.scenes)
    pictures = [path for name, path in filling.files(project).items() if name not in sent.file_ids]
    pictured = await together(client.send_file(path) for path in pictures)
    file_ids = sent.file_ids | {str(path): file.file_id for path, file in zip(pictures, pictured, strict=True)}
    if file_ids:
        reporter.step(f"{_count(len(file_ids), 'file')} sent")
    return Asked(project, file_ids, filling.request(project, sent.project.project_id, file_ids)), sent.scenes


async def rehearsed(client: Client, asked: Asked, reporter: Reporter) -> Submitted:
    """What a film would be, without making it. Raises Mistake."""
    would = await _ask(client, asked, dry_run=True)
    _warn(would.warnings, reporter)
    for one in would.missing:
        reporter.step(f"{one['field']} keeps the template's own {one['kind']}", missing=one)
    return would


async def make(
    client: Client, template: Path, project: ProjectFile, settings: Sequence[filling.Setting], output: Path, reporter: Reporter
) -> Film:
    """Render a template with a project's values and further settings into `output`. Raises Mistake."""
    asked, scenes = await prepared(client, template, project, settings, reporter)
    began = time.monotonic()
    submitted = await _ask(client, asked)
    assert submitted.job_id is not None, "only a dry run has no job"
    row = await client.job(submitted.job_id)
    rate = Fraction(row.rate_num, row.rate_den)
    look = f"{row.width}x{row.height} at {round(float(rate), 3):g} frames/s"
    reporter.step(
        f"render {submitted.job_id}: {submitted.frames} frames, {submitted.duration:g} s, {look}",
        job_id=submitted.job_id,
        frames=submitted.frames,
    )
    _warn(submitted.warnings, reporter)
    lengths = _lengths(asked.project, scenes, rate)
    job = await _followed(client, submitted.job_id, reporter, Timeline(lengths), submitted.warnings)
    await client.download(job, output)
    return Film(output, job, sum(count for _, count in lengths), time.monotonic() - began)


async def _ask(client: Client, asked: Asked, *, dry_run: bool = False) -> Submitted:
    try:
        return await client.render(asked.request, dry_run=dry_run)
    except ApiProblem as problem:
        raise in_own_words(problem, asked.project, asked.file_ids) from problem


def _warn(warnings: Iterable[Warning], reporter: Reporter) -> None:
    for warning in warnings:
        place = f" at {warning.place}" if warning.place else ""
        reporter.step(f"warning {warning.code}{place}: {warning.detail}", warning=warning)


async def _followed(client: Client, job_id: UUID, reporter: Reporter, timeline: Timeline, warned: Sequence[Warning]) -> Render:
    """Follow a render to its end; what it is warned of on the way is told once."""
    last: Progress | None = None
    known = [*warned]
    try:
        async for last in client.follow(job_id):
            fresh = [one for one in last.warnings if one not in known]
            known += fresh
            _warn(fresh, reporter)
            reporter.progress(last, timeline)
    except asyncio.CancelledError:
        # Nobody waits for this video any more; a service that goes down with the command need not answer.
        with suppress(Mistake, TimeoutError):
            await asyncio.wait_for(client.cancel(job_id), CANCEL_WITHIN)
        raise
    assert last is not None and last.job is not None, "follow ends with the whole row"
    if last.state != "completed":
        detail = last.job.detail or f"the render was {last.state}"
        raise Mistake(last.job.code or f"render.{last.state}", detail, last.job.field, _remedy(last.job.code))
    return last.job


def _remedy(code: str) -> str:
    if code.startswith("node."):
        return "The template stops the engine: simplify what it animates. Other renders go on."
    return "Correct what is named; other renders go on."


def _lengths(project: ProjectFile, scenes: Sequence[Scene], rate: Fraction) -> list[tuple[str, int]]:
    durations = {scene.key: scene.duration for scene in scenes}
    shown = [(min(one.duration or durations[one.scene], durations[one.scene]), one.speed) for one in project.scenes]
    return [(one.scene, count) for one, count in zip(project.scenes, frames_of(shown, rate), strict=True)]


def _kind(kind: str) -> str:
    return "of an unknown kind" if kind == "unknown" else f"a file of the kind {kind}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
