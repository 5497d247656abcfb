"""One Idempotency-Key, at the same moment, from two edges on two routes: two facts, or one and a refusal; never half of one."""

import asyncio
import random
from collections import Counter
from typing import NamedTuple
from uuid import uuid4

import aiohttp
import msgspec

from tests.chaos.tenants import Tenant
from tests.chaos.traffic import Accepted

TIMEOUT = aiohttp.ClientTimeout(total=8)
TOLD = ("idempotency.other_route", "idempotency.other_body", "idempotency.other_request")


class Ask(NamedTuple):
    """One of the two requests."""

    kind: str
    url: str
    path: str
    name: str
    body: bytes


class SharedKeys:
    """Asks as one tenant; `accepted` are owed, as all that is answered 2xx."""

    def __init__(self, urls: list[str], tenant: Tenant, project: str, chance: random.Random) -> None:
        self._urls, self._tenant, self._project, self._random = urls, tenant, project, chance
        self.accepted: list[Accepted] = []
        self.violations: list[str] = []
        self.ends: Counter[str] = Counter()

    async def race(self) -> None:
        """One key on two routes, at once; each is asked again under it until it is answered."""
        key = str(uuid4())
        urls = [self._urls[0], self._urls[-1]]
        self._random.shuffle(urls)
        headers = {"Authorization": f"Bearer {self._tenant.api_key}", "Content-Type": "application/json", "Idempotency-Key": key}
        async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as http:
            await asyncio.gather(*(self._until_answered(http, ask, key) for ask in self._pair(urls)))

    def _pair(self, urls: list[str]) -> list[Ask]:
        names = [f"chaos {uuid4()}" for _ in urls]
        save = {"project_id": self._project, "name": names[0]}
        other = self._random.choice([("key", "/v1/api-keys", {"scopes": ["render:read"]}), ("upload", "/v1/uploads", {"bytes": 1000})])
        kind, path, body = other
        return [
            Ask("save", urls[0], "/v1/saved-projects", names[0], msgspec.json.encode(save)),
            Ask(kind, urls[1], path, names[1], msgspec.json.encode({"name": names[1], **body})),
        ]

    async def _until_answered(self, http: aiohttp.ClientSession, ask: Ask, key: str) -> None:
        while True:
            later = {"Prefer": "respond-async"} if self._random.random() < 0.5 else {}
            try:
                async with http.post(ask.url + ask.path, data=ask.body, headers=later) as answer:
                    said = await answer.json(content_type=None)
                    place = answer.headers.get("Content-Location") or answer.headers.get("Location") or ""
            except (aiohttp.ClientError, TimeoutError, ValueError):
                await asyncio.sleep(self._random.uniform(0.05, 0.3))
                continue
            if answer.status < 300:
                operation = place.rpartition("/v1/operations/")[2]
                self.accepted.append(
                    Accepted(tenant=self._tenant.id, kind=ask.kind, name=ask.name, key=key, operation=operation, status=answer.status)
                )
                self.ends["accepted"] += 1
                return
            if 400 <= answer.status < 500 and answer.status != 429:
                self.ends[str(said.get("code"))] += 1
                if said.get("code") not in TOLD:
                    self.violations.append(f"one key on two routes: {ask.path} was refused with {answer.status}: {said}")
                return
            await asyncio.sleep(self._random.uniform(0.05, 0.3))
