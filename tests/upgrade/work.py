"""The work that a release does before it is killed, and what it promises by its answers: plain HTTP of its time, kept as facts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec

from cli.sse import events
from templates.samples import heavy, simple
from tests.e2e.support_http import Http, Json

PART = 16 * 2**20  # bytes of all parts of an upload but the last
SECONDS = 24  # of the film that is being drawn when all is killed
HEAVY = {"width": 640, "height": 360, "rate": [30, 1]}


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A request under a key, and what it was answered; `end` is the state that its operation must come to."""

    name: str
    method: str
    path: str
    body: Json | None
    key: str
    status: int
    operation: str
    answer: Json = {}
    end: str = "done"


class Work:
    """All of one customer; `facts` and `promises` are what the next release is held to."""

    def __init__(self, http: Http) -> None:
        self.http = http
        self.facts: Json = {}
        self.promises: list[Promise] = []
        self.template = b""  # of the film that is being drawn

    async def ask(self, name: str, method: str, path: str, body: Json | None = None, *, end: str = "done", later: bool = False) -> Json:
        """Send a request under a key of its own and keep what was promised; `later` does not wait for the outcome."""
        key = f"{name} {uuid4()}".replace(" ", "-")
        more = {"Prefer": "respond-async"} if later else {}
        answer = await self.http.send(method, path, body, Idempotency_Key=key, **more)
        assert answer.status == 202 if later else answer.status < 300 or end == "refused", answer
        place = answer.headers.get("Content-Location") or answer.headers["Location"]
        promise = Promise(
            name=name, method=method, path=path, body=body, key=key, status=answer.status, end=end,
            operation=place.rpartition("/")[2], answer=answer.json,
        )  # fmt: skip
        self.promises.append(promise)
        return answer.json

    async def finish_a_film(self) -> None:
        """A template, a film of it, and what the customer is told about it: one notification seen, one not."""
        project = (await self.http.template("film.json", simple("Before", 2)))["project_id"]
        jobs = [await self.http.render(project), await self.http.render(project, width=320, height=180)]
        films = [await self.http.ended(job) for job in jobs]
        assert all(film["state"] == "completed" for film in films), films
        told = await self.http.until("/v1/notifications", lambda page: len(page["data"]) == len(jobs))
        seen, unseen = (row["notification_id"] for row in told["data"])
        await self.ask("notification seen", "POST", f"/v1/notifications/{seen}/read")
        self.facts |= {"project": project, "films": {film["job_id"]: film["sha256"] for film in films}, "seen": seen, "unseen": unseen}

    async def make_keys(self) -> None:
        """A key that stays, one that is revoked, one that will be."""
        names = ("kept", "revoked", "doomed")
        made = {name: await self.ask(f"key {name}", "POST", "/v1/api-keys", {"name": name, "scopes": ["*"]}) for name in names}
        await self.ask("key revoked then", "DELETE", f"/v1/api-keys/{made['revoked']['key_id']}")
        self.facts |= {"keys": {name: key["key"] for name, key in made.items()}, "doomed": made["doomed"]["key_id"]}

    async def let_a_node_in(self) -> None:
        """A join token that is used, by a node that is not at work, and one that is not."""
        secret = uuid4().hex
        lasting = {"expires_in": 30 * 86400}
        tokens = [(await self.ask(f"token {name}", "POST", "/v1/join-tokens", lasting))["token"] for name in ("used", "unused")]
        body = {"name": "old-hand", "secret_sha256": hashlib.sha256(secret.encode()).hexdigest()}
        async with Http(self.http.url, "") as stranger:
            node = await stranger.post("/v1/nodes/join", body, Authorization=f"Bearer {tokens[0]}")
        self.facts |= {"node": {"id": node["node_id"], "user": node["nats_user"], "secret": secret}, "token": tokens[1]}

    async def refuse_something(self) -> None:
        """A refusal is an outcome, too."""
        await self.ask("cancel what is done", "POST", f"/v1/renders/{next(iter(self.facts['films']))}/cancel", end="refused")

    async def send_half(self) -> None:
        """Two files of two parts: of one the second is not sent, of the other all is sent and nobody has said so."""
        data = tone(PART + 2**18)
        for name in ("half", "whole"):
            upload = await self.http.open_upload(f"{name}.wav", len(data))
            parts = upload["parts"][: 1 if name == "half" else 2]
            etags = await self.http.put(upload | {"parts": parts}, data)
            self.facts[name] = {"upload_id": upload["upload_id"], "file_id": upload["file_id"], "etags": etags, "bytes": len(data)}

    async def begin_films(self) -> None:
        """A film that is drawn when all is killed, one that is paused, and one that is to be cancelled."""
        self.template = heavy(SECONDS, (640, 360), 3)
        heavy_one = (await self.http.template("heavy.json", self.template))["project_id"]
        paused, doomed = [await self.http.render(heavy_one, **HEAVY | {"width": width}) for width in (320, 480)]
        for job in (paused, doomed):
            await self.ask("film paused", "POST", f"/v1/renders/{job}/pause")
        drawn = (await self.ask("film drawn", "POST", "/v1/renders", {"project_id": heavy_one, "quality": "draft"} | HEAVY))["job_id"]
        self.facts |= {"order": HEAVY, "paused": paused, "doomed film": doomed, "drawn": drawn}
        await self.http.until(f"/v1/renders/{drawn}", lambda row: row["segments_done"] >= 2)

    async def ask_for_more(self) -> None:
        """A command of each domain that is accepted and that nobody decides any more."""
        facts, whole = self.facts, self.facts["whole"]
        order = {"project_id": facts["project"], "width": 200, "height": 120, "rate": [10, 1], "quality": "draft"}
        files = (await self.http.get("/v1/files"))["data"]
        template = next(row["file_id"] for row in files if row["name"] == "film.json")
        await self.ask("queued save", "POST", "/v1/saved-projects", {"project_id": facts["project"], "name": "queued save"}, later=True)
        await self.ask("queued key", "POST", "/v1/api-keys", {"name": "queued key", "scopes": ["render:read"]}, later=True)
        await self.ask("queued revoke", "DELETE", f"/v1/api-keys/{facts['doomed']}", later=True)
        await self.ask("queued upload", "POST", "/v1/uploads", {"name": "queued upload", "bytes": 1000}, later=True)
        await self.ask("queued end", "POST", f"/v1/uploads/{whole['upload_id']}/complete", {"etags": whole["etags"]}, later=True)
        await self.ask("queued film", "POST", "/v1/renders", order, later=True)
        await self.ask("queued cancel", "POST", f"/v1/renders/{facts['doomed film']}/cancel", later=True)
        await self.ask("queued seen", "POST", f"/v1/notifications/{facts['unseen']}/read", later=True)
        await self.ask("queued project", "POST", "/v1/projects", {"name": "queued project", "file_id": template}, later=True)
        await self.ask("queued refusal", "POST", f"/v1/uploads/{uuid4()}/abort", end="refused", later=True)


def tone(size: int) -> bytes:
    """A WAV file of so many bytes that packs small."""
    wave = bytes(range(0, 256, 4)) * (size // 64 + 1)
    head = b"RIFF" + (size - 8).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + (48000).to_bytes(4, "little") + (48000).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") + (8).to_bytes(2, "little") + b"data" + (size - 44).to_bytes(4, "little")
    return head + wave[: size - 44]


class Listener:
    """Hears a tenant's feed from its beginning on, and remembers each id and type."""

    def __init__(self, url: str, api_key: str, after: str) -> None:
        self._url, self._headers = f"{url}/v1/events", {"Authorization": f"Bearer {api_key}", "Last-Event-ID": after}
        self.heard: list[tuple[str, str]] = []  # (id, type)

    async def run(self) -> None:
        """Listen until cancelled or until the edge ends."""
        async for event in self._events():
            if event.id:
                self.heard.append((event.id, event.type))

    async def _events(self) -> AsyncIterator[Any]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(self._url, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            try:
                async for event in events(answer.content):
                    yield event
            except (aiohttp.ClientError, asyncio.IncompleteReadError):
                return  # the edge was killed
