"""Traffic: simple commands all the time, each sent again under its Idempotency-Key until it is accepted; what was accepted is kept."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from uuid import UUID, uuid4

import aiohttp
import msgspec

from tests.chaos.tenants import Tenant

TIMEOUT = aiohttp.ClientTimeout(total=8)
REPEATED = 0.15  # share of accepted commands that are sent once more, as an impatient client would
KINDS = ("save", "save", "save", "key", "upload")


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A command that was answered 2xx: the product owes its effect, once."""

    tenant: UUID
    kind: str
    name: str
    key: str
    operation: str
    status: int


class Traffic:
    """One client that sends commands one after the other."""

    def __init__(self, urls: Sequence[str], tenant: Tenant, project: str, seed: int, rate: float = 8.0) -> None:
        """`urls` are the edges'; each try goes to one of them."""
        self._urls, self._tenant, self._project = urls, tenant, project
        self._random = random.Random(seed)
        self._pause = 1 / rate
        self.accepted: list[Accepted] = []
        self.refused: list[str] = []
        self.tries: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, and see the last command through."""
        headers = {"Authorization": f"Bearer {self._tenant.api_key}", "Content-Type": "application/json"}
        async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as http:
            while not stop.is_set():
                await self._command(http, stop)
                await asyncio.sleep(self._random.uniform(0, 2 * self._pause))

    async def _command(self, http: aiohttp.ClientSession, stop: asyncio.Event) -> None:
        kind, name, key = self._random.choice(KINDS), f"chaos {uuid4()}", str(uuid4())
        path, body = self._request(kind, name)
        operation, status = "", 0
        while not operation:
            later = self._random.random() < 0.5
            status, operation = await self._once(http, path, body, key, later)
            if 400 <= status < 500 and status != 429:
                self.refused.append(f"{kind} was refused with {status}: {operation}")
                return
            if status >= 300 or not status:
                operation = ""
                await asyncio.sleep(self._random.uniform(0.05, 0.3))
        self.accepted.append(Accepted(tenant=self._tenant.id, kind=kind, name=name, key=key, operation=operation, status=status))
        if self._random.random() < REPEATED:
            await self._once(http, path, body, key, True)

    def _request(self, kind: str, name: str) -> tuple[str, bytes]:
        path, body = {
            "save": ("/v1/saved-projects", {"project_id": self._project, "name": name}),
            "key": ("/v1/api-keys", {"name": name, "scopes": ["render:read"]}),
            "upload": ("/v1/uploads", {"name": name, "bytes": 1000}),
        }[kind]
        return path, msgspec.json.encode(body)

    async def _once(self, http: aiohttp.ClientSession, path: str, body: bytes, key: str, later: bool) -> tuple[int, str]:
        """One try: the status (0 when no answer came) and the operation's id, or the words of a refusal."""
        headers = {"Idempotency-Key": key, **({"Prefer": "respond-async"} if later else {})}
        try:
            async with http.post(f"{self._random.choice(self._urls)}{path}", data=body, headers=headers) as answer:
                text = await answer.text()
                self.tries[str(answer.status)] += 1
                place = answer.headers.get("Content-Location") or answer.headers.get("Location") or ""
                return answer.status, place.rpartition("/v1/operations/")[2] if answer.status < 300 else text[:300]
        except (aiohttp.ClientError, TimeoutError) as error:
            self.tries[type(error).__name__] += 1
            return 0, ""
