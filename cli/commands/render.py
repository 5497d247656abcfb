"""`flatrender render`: a template with a person's own values becomes a video file."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli import filling, parse
from cli.entry import fail
from cli.errors import Mistake
from cli.options import ApiKey, Data, Json, Url
from cli.reporting import Reporter, reporter
from cli.running import run
from cli.service import Where, service
from contracts.project_file import ProjectFile, ProjectTrack
from contracts.spec import Quality, TrackKind

app = typer.Typer(add_completion=False)
SOUNDS, LOOK = "Sounds", "Look"
Sound = tuple[Path | None, float | None]  # file and volume


def _file(name: str, help: str, panel: str | None = None) -> Any:
    return typer.Option(name, exists=True, dir_okay=False, readable=True, metavar="FILE", help=help, rich_help_panel=panel)


def _volume(name: str) -> Any:
    return typer.Option(name, min=0.0, max=2.0, metavar="0..2", help="Its volume; 1 leaves it as it is.", rich_help_panel=SOUNDS)


@app.command()
def render(
    template: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A .lottie, a Lottie .json or a zip of them.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help="The video; without it TEMPLATE.mp4 in this folder.")
    ] = None,
    project: Annotated[Path | None, _file("--project", "A project file (JSON) with scenes, values, sounds and look.")] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", metavar="SCENE.ELEMENT=VALUE", help="Words, a picture's path or #RRGGBB; may be repeated.")
    ] = None,
    color: Annotated[
        list[str] | None, typer.Option("--color", "--colour", metavar="SLOT=#RRGGBB", help="A colour of the whole video; may be repeated.")
    ] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="One of the template's sets of colours.")] = None,
    music: Annotated[Path | None, _file("--music", "A sound that repeats to the end.", SOUNDS)] = None,
    music_volume: Annotated[float | None, _volume("--music-volume")] = None,
    voiceover: Annotated[Path | None, _file("--voiceover", "A voice, from the beginning.", SOUNDS)] = None,
    voiceover_volume: Annotated[float | None, _volume("--voiceover-volume")] = None,
    sfx: Annotated[Path | None, _file("--sfx", "An effect, at the beginning.", SOUNDS)] = None,
    sfx_volume: Annotated[float | None, _volume("--sfx-volume")] = None,
    size: Annotated[str | None, typer.Option("--size", metavar="WxH", help="Pixels, as in 1280x720.", rich_help_panel=LOOK)] = None,
    fps: Annotated[str | None, typer.Option("--fps", help="Frames per second: 30, 29.97, 30000/1001.", rich_help_panel=LOOK)] = None,
    quality: Annotated[str | None, typer.Option("--quality", metavar="draft|standard|high", rich_help_panel=LOOK)] = None,
    background: Annotated[
        str | None, typer.Option("--background", metavar="#RRGGBB", help="Where the template paints nothing.", rich_help_panel=LOOK)
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Only show what can be changed in the template.")] = False,
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
            where = Where(url, api_key, data)
            job = _list(template, where, tell) if list_ else _render(template, wanted, _pairs("--set", set), output, where, tell)
            run(job)
        except Mistake as mistake:
            tell.problem(mistake)
            fail()


async def _render(
    template: Path, project: ProjectFile, settings: list[filling.Setting], output: Path | None, where: Where, tell: Reporter
) -> None:
    from cli import film
    from cli.client import Client

    target = output or Path(template.with_suffix(".mp4").name)
    _writable(target)
    async with service(where, tell.step) as found, Client(found.url, found.api_key) as client:
        made = await film.make(client, template, project, settings, target, tell)
    job = made.job
    note = "; some of it is not drawn as designed" if job.degraded else ""
    text = f"{target}: {job.frames_total} frames, {job.duration:.2f} s, {job.bytes:,} bytes, in {made.seconds:.1f} s{note}"
    facts = {"output": str(target), "job_id": job.job_id, "frames": job.frames_total, "duration": job.duration}
    tell.result(text, **facts, bytes=job.bytes, sha256=job.sha256, degraded=job.degraded, seconds=round(made.seconds, 3))


async def _list(template: Path, where: Where, tell: Reporter) -> None:
    from cli import film
    from cli.client import Client
    from cli.listing import described

    async with service(where, tell.step) as found, Client(found.url, found.api_key) as client:
        sent = await film.send(client, template, [], tell)
    tell.result(described(sent), scenes=sent.scenes, presets=sent.project.presets)


def _writable(target: Path) -> None:
    """A folder that is missing is told before a minute of rendering, not after it."""
    if not target.absolute().parent.is_dir():
        raise Mistake("output.folder", f"there is no folder {target.absolute().parent}", "-o", "Make it, or choose another place.")
    if target.is_dir():
        raise Mistake("output.folder", f"{target} is a folder", "-o", "Give the video's file name too.")


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
