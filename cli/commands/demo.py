"""`flatrender demo`: the whole way, from a template to a checked video and a replayed log, on this machine."""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from cli.entry import fail
from cli.errors import Mistake
from cli.options import Data, Json
from cli.reporting import Reporter, reporter
from cli.running import run
from cli.service import Where, service

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", dir_okay=False, help="The video.")] = Path("demo.mp4"),
    data: Data = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="PNG", dir_okay=False, help="Also save four frames as one picture.")
    ] = None,
    json: Json = False,
) -> None:
    """Start everything, render the demo film over HTTP, check it, replay the log, and stop everything again."""
    with reporter(json) as tell:
        try:
            with tempfile.TemporaryDirectory(prefix="flatrender-demo-") as folder:
                run(_demo(Path(folder), output.absolute(), data, picture, tell))
        except Mistake as mistake:
            tell.problem(mistake)
            fail()


async def _demo(folder: Path, output: Path, data: Path | None, picture: Path | None, tell: Reporter) -> None:
    from cli import video_check
    from cli.database import database
    from cli.replaying import differences, replayed, summary
    from deploy.local.folder import default_folder

    # The folder stays, so that what the end names can be looked at.
    place = (data or default_folder()).absolute()
    async with service(Where(None, None, place), tell.step) as found:
        frames = await _rendered(folder, output, found.url, found.api_key, tell)
        if picture:
            video_check.strip(output, picture)
        async with database(place, None) as base:
            report = await replayed(base)
        if not report.equal:
            raise Mistake(
                "replay.differs", "replaying the log gives another state", errors=[{"detail": line} for line in differences(report)]
            )
        tell.step(f"the log is replayed: {summary(report)}", events=report.events, tables=len(report.tables))
    after = "Everything that was started is stopped." if found.own else "The stack that was running still runs."
    text = f"{output} is ready; events, tables and objects lie in {place}. {after}"
    tell.result(text, output=str(output), data=str(place), frames=frames, replay="equal")


async def _rendered(folder: Path, output: Path, url: str, api_key: str, tell: Reporter) -> int:
    """Render and check the film; returns its frames."""
    import asyncio

    from cli import film, video_check
    from cli.client import Client
    from cli.filling import read_project
    from templates.build import build_demo

    files = await asyncio.to_thread(build_demo, folder)
    tell.step("the demo's template, picture and sounds are made")
    project = read_project(files.project)
    async with Client(url, api_key) as client:
        made = await film.make(client, files.template, project, [], output, tell)
    video = video_check.examined(output)
    job, rate = made.job, Fraction(made.job.rate_num, made.job.rate_den)
    wrong = video_check.disagreements(video, frames=made.expected_frames, width=job.width, height=job.height, rate=rate, sound=True)
    if made.job.degraded:
        wrong.append("a part was not drawn as designed")
    if wrong:
        raise Mistake("video.wrong", f"{output} is not what was asked for", errors=[{"detail": text} for text in wrong])
    sound = f"{video.codec} {video.width}x{video.height} at {video.rate} frames/s, {video.audio_codec} {video.audio_duration:.2f} s"
    tell.step(f"{output} is checked: {video.frames} frames decode, {video.duration:g} s; {sound}", seconds=round(made.seconds, 2))
    return video.frames
