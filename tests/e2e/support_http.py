"""A plain client for tests of the running product: it sends what it is told, right or wrong, and gives back what came."""

import asyncio
import json
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.described import misfits

Json = dict[str, Any]
SOON = 60.0  # seconds in which a thing that must come has come


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: dict[str, str], raw: bytes) -> None:
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self) -> Json:
        """The body as JSON."""
        read: Json = json.loads(self.raw)
        return read

    @property
    def fields(self) -> set[str]:
        """All fields that a problem names."""
        said = self.json
        return {error["field"] for error in said.get("errors", ())} | {said.get("field", "")}

    def __repr__(self) -> str:
        return f"{self.status} {self.raw[:600]!r}"


class Http:
    """One API key's requests. Use as `async with`."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url, self.api_key = url, api_key

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        self.http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=60))
        self.plain = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))  # for the store, which has signatures instead
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.http.close()
        await self.plain.close()

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; `body` is bytes as they are, or JSON; header names are written with underscores.

        A command waits for its outcome longer than the edge does by itself: on a slow machine that would be a 202.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if method != "GET":
            named.setdefault("Prefer", "wait=30")
        if data is not None:
            named.setdefault("Content-Type", "application/json")
        async with self.http.request(method, self.url + path, data=data, headers=named) as answer:
            raw = await answer.read()
        wrong = misfits(method, path, answer.status, raw) if answer.status != 304 else []
        assert wrong == [], f"{method} {path} answers {answer.status}, but {wrong}"
        return Answer(answer.status, dict(answer.headers), raw)

    async def get(self, path: str) -> Json:
        """Read what is there."""
        answer = await self.send("GET", path)
        assert answer.status == 200, answer
        return answer.json

    async def post(self, path: str, body: Any, **headers: str) -> Json:
        """Do what is allowed."""
        answer = await self.send("POST", path, body, **headers)
        assert answer.status in (200, 201), answer
        return answer.json

    async def until(self, path: str, reached: Callable[[Json], bool]) -> Json:
        """Read until it has come so far; what is not there yet may come."""
        give_up = monotonic() + SOON
        answer = await self.send("GET", path)
        while answer.status == 404 or not reached(answer.json):
            assert monotonic() < give_up, f"{path} after {SOON} s: {answer}"
            await asyncio.sleep(0.05)
            answer = await self.send("GET", path)
        assert answer.status == 200, answer
        return answer.json

    async def open_upload(self, name: str, size: int) -> Json:
        """Announce a file and wait until its parts may be sent."""
        begun = await self.post("/v1/uploads", {"name": name, "bytes": size})
        return await self.until(f"/v1/uploads/{begun['upload_id']}", lambda row: row["state"] != "started")

    async def put(self, upload: Json, data: bytes) -> list[str]:
        """Send all parts; the store's etags."""
        etags = []
        for index, part in enumerate(upload["parts"]):
            chunk = data[index * upload["part_bytes"] : (index + 1) * upload["part_bytes"]]
            async with self.plain.put(part["url"], data=chunk) as answer:
                assert answer.status == 200, await answer.text()
                etags.append(answer.headers["ETag"])
        return etags

    async def upload(self, name: str, data: bytes) -> Json:
        """Send a whole file and wait until a node has opened it; the file's row, ready or rejected."""
        upload = await self.open_upload(name, len(data))
        etags = await self.put(upload, data)
        await self.post(f"/v1/uploads/{upload['upload_id']}/complete", {"etags": etags})
        return await self.until(f"/v1/files/{upload['file_id']}", lambda row: row["state"] != "inspecting")

    async def template(self, name: str, data: bytes) -> Json:
        """Make a template of a file's bytes; the project's row, published or failed."""
        file = await self.upload(name, data)
        assert file["state"] == "ready", file
        made = await self.post("/v1/projects", {"name": name, "file_id": file["file_id"]})
        return await self.until(f"/v1/projects/{made['project_id']}", lambda row: row["state"] in ("published", "failed"))

    async def render(self, project_id: str, **more: Any) -> str:
        """Ask for a small render; the job's id."""
        body = {"project_id": project_id, "width": 160, "height": 90, "rate": [10, 1], "quality": "draft"} | more
        return str((await self.post("/v1/renders", body))["job_id"])

    async def ended(self, job_id: str) -> Json:
        """A job's row once it has ended."""
        return await self.until(f"/v1/renders/{job_id}", lambda row: row["state"] in ("completed", "failed", "cancelled"))


def is_problem(answer: Answer, status: int, code: str = "", field: str = "") -> None:
    """Assert that an answer is a whole problem that names the field."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.headers
    said = answer.json
    assert said["status"] == status and said["title"] and said["detail"] and said["type"] and said["request_id"], answer
    assert not code or said["code"] == code, answer
    assert not field or field in answer.fields, answer
    assert "Traceback" not in said["detail"], answer
