"""The film that render measurements use: ten scenes of three seconds at 1920x1080, each with words of its own."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import msgspec

from cli.client import Client
from cli.responses import Scene
from contracts.studio.renders import RequestRender
from contracts.studio.saved_projects import ChosenScene
from deploy.local.stack import Stack
from templates import landscape
from templates.build import demo_bundle
from templates.samples import many_scenes

SIZE, RATE = (1920, 1080), 30
SCENES, SECONDS = 10, 3.0


class Template(msgspec.Struct, frozen=True):
    """A published template."""

    project_id: UUID
    scenes: list[Scene]


def plain() -> bytes:
    """Scenes that are drawn about as fast as the median of real templates is (2 ms a frame of this size, by our own measurements)."""
    return many_scenes(SCENES, SECONDS, SIZE)


def demo() -> bytes:
    """The demo's template, which is heavy to draw: shadows, gradients and a picture that fills the frame."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        landscape.paint(landscape.DAWN, photo)
        return demo_bundle(photo.read_bytes())


@asynccontextmanager
async def published(running: Stack, bundle: bytes) -> AsyncIterator[tuple[Client, Template]]:
    """A client, and the template as it knows it."""
    path = running.data / "film.lottie"
    path.write_bytes(bundle)
    async with Client(running.url, running.api_key) as client:
        file = await client.send_file(path)
        project_id = await client.create_project("film", file.file_id)
        await client.wait_project(project_id)
        yield client, Template(project_id, await client.scenes(project_id))


def request(template: Template, words: str, count: int = SCENES, *, seconds: float = SECONDS, changed: int | None = None) -> RequestRender:
    """A render of `count` scenes; `words` make it different from every other, `changed` makes one scene differ."""
    scenes = tuple(
        _scene(template.scenes[at % len(template.scenes)], f"{words} {at}{'!' if at == changed else ''}", seconds) for at in range(count)
    )
    return RequestRender(project_id=template.project_id, scenes=scenes, width=SIZE[0], height=SIZE[1], rate=(RATE, 1), quality="standard")


def _scene(scene: Scene, text: str, seconds: float) -> ChosenScene:
    """The beginning of a scene with the text in its first text element."""
    element = next(one.key for one in scene.elements if one.kind == "text")
    return ChosenScene(scene=scene.key, texts={element: text}, duration=min(seconds, scene.duration))
