"""`flatrender render`: a template with a person's own values becomes a video file."""

from pathlib import Path
from typing import Any

import msgspec
import typer

from cli import filling, parse
from cli import film_options as options
from cli.entry import fail
from cli.errors import Mistake
from cli.options import ApiKey, Data, Json, Url
from cli.reporting import Reporter, reporter
from cli.running import run
from cli.service import Where, service
from cli.target import output_of
from contracts.project_file import ProjectFile, ProjectTrack
from contracts.spec import Quality, TrackKind

app = typer.Typer(add_completion=False)
Sound = tuple[Path | None, float | None]  # file and volume


@app.command()
def render(
    template: options.TemplatePath,
    output: options.Output = None,
    project: options.ProjectPath = None,
    set: options.Settings = None,
    fit: options.Fits = None,
    direction: options.Directions = None,
    color: options.Colours = None,
    preset: options.Preset = None,
    music: options.Music = None,
    music_volume: options.MusicVolume = None,
    voiceover: options.Voiceover = None,
    voiceover_volume: options.VoiceoverVolume = None,
    sfx: options.Sfx = None,
    sfx_volume: options.SfxVolume = None,
    font: options.Fonts = None,
    size: options.Size = None,
    fps: options.Fps = None,
    quality: options.Quality = None,
    background: options.Background = None,
    list_: options.JustList = False,
    check: options.JustCheck = False,
    json: Json = False,
    url: Url = None,
    api_key: ApiKey = None,
    data: Data = None,
) -> None:
    """Render a template with your own words, pictures, colours and sounds.

    Uses the service at --url, or the stack that runs on --data (or on the user's data folder), or starts one for this run.
    """
    if url and not api_key:
        raise typer.BadParameter("--url needs --api-key (or FLATRENDER_API_KEY); `flatrender up` prints one")
    with reporter(json) as tell:
        try:
            given: dict[TrackKind, Sound] = {
                "music": (music, music_volume),
                "voiceover": (voiceover, voiceover_volume),
                "sfx": (sfx, sfx_volume),
            }
            wanted = filling.read_project(project) if project else ProjectFile()
            wanted = _with_sounds(wanted, given)
            wanted = _with_look(wanted, size, fps, quality, background, preset, _pairs("--color", color))
            wanted = filling.with_fonts(wanted, font or [])
            settings = [
                filling.Setting(option, *pair)
                for option, given_ones in (("--set", set), ("--fit", fit), ("--direction", direction))
                for pair in _pairs(option, given_ones)
            ]
            where = Where(url, api_key, data)
            if list_ or check:
                run(_list(template, where, tell) if list_ else _check(template, wanted, settings, where, tell))
            else:
                inputs = (*([project] if project else []), *filling.inputs(wanted, settings))
                run(_render(template, wanted, settings, output_of(output, template, inputs), where, tell))
        except Mistake as mistake:
            tell.problem(mistake)
            fail()


async def _render(
    template: Path, project: ProjectFile, settings: list[filling.Setting], target: Path, where: Where, tell: Reporter
) -> None:
    from cli import film
    from cli.client import Client

    async with service(where, tell.step) as found, Client(found.url, found.api_key) as client:
        made = await film.make(client, template, project, settings, target, tell)
    job = made.job
    note = "; some of it is not drawn as designed" if job.degraded else ""
    text = f"{target}: {job.frames_total} frames, {job.duration:.2f} s, {job.bytes:,} bytes, in {made.seconds:.1f} s{note}"
    facts = {"output": str(target), "job_id": job.job_id, "frames": job.frames_total, "duration": job.duration}
    facts |= {"width": job.width, "height": job.height, "rate": [job.rate_num, job.rate_den], "warnings": job.warnings}
    tell.result(text, **facts, bytes=job.bytes, sha256=job.sha256, degraded=job.degraded, seconds=round(made.seconds, 3))


async def _check(template: Path, project: ProjectFile, settings: list[filling.Setting], where: Where, tell: Reporter) -> None:
    from cli import film
    from cli.client import Client

    async with service(where, tell.step) as found, Client(found.url, found.api_key) as client:
        asked, _ = await film.prepared(client, template, project, settings, tell)
        would = await film.rehearsed(client, asked, tell)
    text = f"{would.width}x{would.height}, {would.frames} frames, {would.duration:g} s; {len(would.warnings) or 'no'} warnings"
    tell.result(text, **msgspec.structs.asdict(would))


async def _list(template: Path, where: Where, tell: Reporter) -> None:
    from cli import film
    from cli.client import Client
    from cli.listing import described

    async with service(where, tell.step) as found, Client(found.url, found.api_key) as client:
        sent = await film.send(client, template, [], tell)
    tell.result(described(sent), scenes=sent.scenes, presets=sent.project.presets)


def _pairs(option: str, given: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"{option} {text}: write NAME=VALUE")
        pairs.append((name, value))
    return pairs


def _with_sounds(project: ProjectFile, given: dict[TrackKind, Sound]) -> ProjectFile:
    """A sound that is given replaces the project's of its kind; a volume alone changes theirs."""
    audio = list(project.audio)
    for kind, (file, volume) in given.items():
        if file is not None:
            audio = [track for track in audio if track.kind != kind]
            audio.append(ProjectTrack(kind=kind, file=str(file.absolute())))
        if volume is not None:
            if not any(track.kind == kind for track in audio):
                raise typer.BadParameter(f"--{kind}-volume: there is no --{kind}, and none in the project file")
            audio = [msgspec.structs.replace(track, volume=volume) if track.kind == kind else track for track in audio]
    return msgspec.structs.replace(project, audio=tuple(audio))


def _with_look(
    project: ProjectFile,
    size: str | None,
    fps: str | None,
    quality: str | None,
    background: str | None,
    preset: str | None,
    colours: list[tuple[str, str]],
) -> ProjectFile:
    changes: dict[str, Any] = {}
    try:
        if size is not None:
            changes["width"], changes["height"] = parse.size(size)
        if fps is not None:
            changes["rate"] = parse.rate(fps)
        if background is not None:
            changes["background"] = parse.colour(background)
        if colours:
            changes["colours"] = {**project.colours, **{slot: parse.colour(value) for slot, value in colours}}
        if quality is not None:
            changes["quality"] = msgspec.convert(quality, Quality)
    except msgspec.ValidationError:
        raise typer.BadParameter(f"--quality is draft, standard or high, not {quality!r}") from None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if preset is not None:
        changes["preset"] = preset
    return msgspec.structs.replace(project, **changes)
