"""JSON over HTTP with an API key: problems become errors, and what failed on the way is asked again."""

import asyncio
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import aiohttp
import msgspec

from api_edge.errors import meaning_of
from cli.errors import Mistake
from contracts.positions import position_text, read_position

T = TypeVar("T")
PATIENCE = 20.0  # seconds in which a service that has answered before is asked again when it is away or busy
FIRST_PATIENCE = 2.0  # seconds, before its first answer: the address may be wrong
FIRST_DELAY, LONGEST_DELAY = 0.1, 2.0  # seconds between two tries
AGAIN = {429, 502, 503, 504}  # answers after which the same request may succeed


class ApiProblem(Mistake):
    """The service refused a request (RFC 9457); `status` is the HTTP status."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        code = str(body.get("code") or f"http.{status}")
        meaning = meaning_of(code)
        # The table's last entry says nothing that the detail does not say.
        remedy = "" if meaning.pattern == "*" else meaning.remedy
        detail = str(body.get("detail") or body.get("title") or "the service gave no reason")
        errors = [error for error in body.get("errors", ()) if isinstance(error, dict)]
        super().__init__(code, detail, str(body.get("field", "")), remedy, errors)
        self.status = status


class _Later(Exception):
    """The request may succeed when it is sent again; `after` is in seconds, None when the service did not say."""

    def __init__(self, problem: Mistake, after: float | None = None) -> None:
        self.problem, self.after = problem, after


class Transport:
    """One service and one key. Use as `async with`."""

    def __init__(self, url: str, api_key: str, patience: float = PATIENCE) -> None:
        self.url = url.rstrip("/")
        self._reflected = (0, 0)
        self._key, self._patience = api_key, patience
        self._met = False  # whether it has ever answered

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
        self.http = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "flatrender"})
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.http.close()

    @property
    def position(self) -> str:
        """The newest log position that an answer reflected."""
        return position_text(*self._reflected)

    async def get(self, path: str, kind: type[T], **params: str) -> T:
        """Ask for one thing. Raises ApiProblem, Mistake (unreachable)."""
        return msgspec.json.decode(await self._ask("GET", path, params=params), type=kind)

    async def post(self, path: str, body: object, kind: type[T], *, key: str | None = None, **params: str) -> T:
        """Send a command and wait for its outcome; the same `key` is carried out once. Raises ApiProblem, Mistake (unreachable)."""
        headers = {"Idempotency-Key": key or str(uuid4()), "Content-Type": "application/json"}
        raw = await self._ask("POST", path, params=params, data=msgspec.json.encode(body), headers=headers)
        return msgspec.json.decode(raw, type=kind)

    def authorised(self, **more: str) -> dict[str, str]:
        """The headers of every request to the service; never sent to object storage."""
        return {"Authorization": f"Bearer {self._key}", **more}

    async def _ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> bytes:
        began = asyncio.get_running_loop().time()
        delay = FIRST_DELAY
        while True:
            try:
                return await self._once(method, path, headers=self.authorised(**(headers or {})), **more)
            except _Later as later:
                wait = delay if later.after is None else later.after
                patience = self._patience if self._met else min(FIRST_PATIENCE, self._patience)
                if asyncio.get_running_loop().time() + wait > began + patience:
                    raise later.problem from later
                await asyncio.sleep(wait)
                delay = min(delay * 2, LONGEST_DELAY)

    async def _once(self, method: str, path: str, **more: Any) -> bytes:
        try:
            async with self.http.request(method, self.url + path, **more) as answer:
                raw = await answer.read()
        except aiohttp.InvalidURL as error:
            raise Mistake("url.invalid", f"{self.url} is not an address; write http://HOST:PORT.") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Later(self.unreachable(error)) from error
        self._met = True
        self._reflected = max(self._reflected, read_position(answer.headers.get("X-Log-Position", "0")))
        if answer.status in AGAIN:
            raise _Later(problem_of(answer.status, raw), _seconds(answer.headers.get("Retry-After")))
        if answer.status >= 400:
            raise problem_of(answer.status, raw)
        return await self._outcome(answer.headers["Location"]) if answer.status == 202 else raw

    async def _outcome(self, operation: str) -> bytes:
        """Wait for a command that was accepted but not decided yet."""
        delay = FIRST_DELAY
        while True:
            found = await self.get(operation, dict[str, Any])
            if found["state"] == "done":
                return msgspec.json.encode(found.get("body") or {})
            if found["state"] != "pending":
                refused = found.get("problem") or {
                    "code": "command.quarantined",
                    "detail": "the request was kept, but could not be handled",
                }
                raise ApiProblem(int(refused.get("status", 500)), refused)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    def unreachable(self, error: BaseException) -> Mistake:
        """Nobody answers."""
        reason = str(error) or type(error).__name__
        return Mistake(
            "service.unreachable", f"{self.url} does not answer: {reason}", remedy="Check the address and that `flatrender up` runs there."
        )


def problem_of(status: int, raw: bytes) -> ApiProblem:
    """The problem in an answer's body; a body of somebody else's (a proxy's page) is told in short."""
    try:
        return ApiProblem(status, msgspec.json.decode(raw, type=dict[str, Any]))
    except msgspec.MsgspecError:
        return ApiProblem(status, {"code": f"http.{status}", "detail": raw[:200].decode("utf-8", "replace").strip() or f"status {status}"})


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None
