"""Films: small templates with values of their own, rendered by one tenant after another; every export must equal the first's."""

import asyncio
import io
import wave
from collections.abc import Sequence
from math import pi, sin
from pathlib import Path
from uuid import UUID

import av
import msgspec

from templates import samples
from tests.chaos.client import Client, Json, Refused
from tests.chaos.tenants import Tenant

ENDED = ("completed", "failed", "cancelled")
UPLOADS = 5  # times that a file is sent again when the store gave the upload up
DONE_WITHIN = 150.0  # seconds for a film, kills and all; beyond, it hangs


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """What is rendered: one of the templates, with a text, a colour and perhaps music."""

    name: str
    template: str
    text: str
    colour: str
    size: tuple[int, int] = (320, 180)
    music: bool = False


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A finished export whose bytes were fetched and looked through."""

    film: str
    tenant: UUID
    job_id: UUID
    frames: int
    sha256: str
    state: str
    detail: str = ""


FILMS = (
    Film(name="latin", template="simple.json", text="Kill me if you can", colour="#2A9D8F"),
    Film(name="persian", template="simple.json", text="سلام دنیا", colour="#E76F51", size=(426, 240)),
    Film(name="scenes", template="scenes.lottie", text="Scene by scene", colour="#264653", music=True),
    Film(name="computed", template="computed.json", text="Every frame computed", colour="#8A5A44"),
)
FARM_FILMS = (
    Film(name="latin", template="long.json", text="Cut me off", colour="#2A9D8F", size=(960, 540)),
    Film(name="persian", template="long.json", text="سلام دنیا", colour="#E76F51", size=(854, 480)),
    Film(name="scenes", template="scenes.lottie", text="Scene by scene", colour="#264653", size=(640, 360), music=True),
    Film(name="computed", template="computed.json", text="Every frame computed", colour="#8A5A44", size=(640, 360)),
)


def build(folder: Path) -> Path:
    """Make the templates and the sound in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "simple.json").write_bytes(samples.simple("Hello", seconds=5))
    (folder / "computed.json").write_bytes(samples.computed("Hello", seconds=5))
    (folder / "long.json").write_bytes(samples.simple("Hello", seconds=10))
    (folder / "endless.json").write_bytes(samples.simple("Hello", seconds=120, size=(1280, 720)))
    (folder / "scenes.lottie").write_bytes(samples.many_scenes(5, seconds=2))
    with wave.open(str(folder / "tone.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(48_000)
        tone = (round(8000 * sin(2 * pi * 330 * at / 48_000)) for at in range(4 * 48_000))
        sound.writeframes(b"".join(value.to_bytes(2, "little", signed=True) for value in tone))
    return folder


class Cinema:
    """Renders all films for a tenant; `folder` holds what `build` made."""

    def __init__(self, url: str, folder: Path, films: Sequence[Film] = FILMS, within: float = DONE_WITHIN) -> None:
        """`within` is in seconds, for all films of one tenant."""
        self._url, self._folder = url, folder
        self._films, self._within = films, within
        self.uploads_repeated = 0
        self._known: dict[str, int] = {}  # SHA-256 of an export to the frames that decoding it gave

    async def show(self, tenant: Tenant) -> list[Made]:
        """Upload, make templates, render, fetch and look through. Raises Refused, or TimeoutError when something hangs."""
        names = sorted({film.template for film in self._films})
        async with asyncio.timeout(self._within), Client(self._url, tenant.api_key) as client:
            *projects, music = await asyncio.gather(*(self._project(client, name) for name in names), self._send(client, "tone.wav"))
            by_name = dict(zip(names, projects, strict=True))
            return list(await asyncio.gather(*(self._make(client, tenant, film, by_name[film.template], music) for film in self._films)))

    async def project(self, tenant: Tenant, name: str = "simple.json") -> str:
        """A published template of this tenant."""
        async with Client(self._url, tenant.api_key) as client:
            return await self._project(client, name)

    async def _send(self, client: Client, name: str) -> str:
        for _ in range(UPLOADS):
            try:
                file = await client.upload(self._folder / name)
            except Refused as refused:
                # The store may lose the parts of an upload that is not joined yet; the product says so and asks for the file again.
                if refused.code not in ("upload.aborted", "file.upload_state"):
                    raise
                self.uploads_repeated += 1
                continue
            if file["state"] != "ready":
                raise Refused(0, file)
            return str(file["file_id"])
        raise Refused(0, {"code": "chaos.upload", "detail": f"{name} could not be uploaded in {UPLOADS} tries"})

    async def _project(self, client: Client, name: str) -> str:
        file_id = await self._send(client, name)
        project_id = (await client.post("/v1/projects", name=name, file_id=file_id))["project_id"]
        project = await client.until(f"/v1/projects/{project_id}", lambda row: row["state"] in ("published", "failed"))
        if project["state"] == "failed":
            raise Refused(0, project)
        return str(project_id)

    async def _make(self, client: Client, tenant: Tenant, film: Film, project: str, music: str) -> Made:
        rows = (await client.get(f"/v1/projects/{project}/scenes"))["data"]
        job = await client.post(
            "/v1/renders",
            project_id=project,
            scenes=[{"scene": row["key"], "texts": _texts(film, row)} for row in rows],
            colours={"primary": film.colour},
            width=film.size[0],
            height=film.size[1],
            audio=[{"kind": "music", "file_id": music, "volume": 0.5}] if film.music else [],
            metadata={"film": film.name},
        )
        row = await client.until(
            f"/v1/renders/{job['job_id']}", lambda row: row["state"] in ENDED and (row["state"] != "completed" or row["url"])
        )
        done = row["state"] == "completed"
        return Made(
            film=film.name,
            tenant=tenant.id,
            job_id=UUID(row["job_id"]),
            frames=await self._frames(client, row) if done else 0,
            sha256=row["sha256"] or "",
            state=row["state"],
            detail=f"{row['code']} {row['detail']}",
        )

    async def _frames(self, client: Client, job: Json) -> int:
        """Fetch the export (its SHA-256 is checked) and count its frames by decoding; equal bytes are decoded once."""
        data = await client.download(job["url"], job["sha256"])
        if job["sha256"] not in self._known:
            self._known[job["sha256"]] = await asyncio.to_thread(decoded_frames, data)
        return self._known[job["sha256"]]


def _texts(film: Film, scene: Json) -> dict[str, str]:
    return {one["key"]: f"{film.text} {scene['position'] + 1}" for one in scene["elements"] if one["kind"] == "text"}


def decoded_frames(data: bytes) -> int:
    """How many video frames a file really holds."""
    with av.open(io.BytesIO(data), "r") as video:
        return len(list(video.decode(video=0)))
