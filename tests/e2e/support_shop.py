"""What the tests of bad input share: two tenants, a template, a film that must come out the same whatever happens beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from deploy.local.stack import Stack
from templates.samples import simple
from tests.chaos.tenants import Tenant, Tenants
from tests.e2e.support_http import Http, Json, is_problem

SECONDS = 1


class Shop:
    """A customer (`http`) with a template, and a neighbour whose work nothing may touch."""

    def __init__(self, stack: Stack, http: Http, neighbour: Http, tenant: Tenant) -> None:
        self.stack, self.http, self.neighbour, self.tenant = stack, http, neighbour, tenant
        self.file = self.project = self.theirs = ""
        self.reference: Json = {}

    async def furnish(self) -> None:
        """Make both templates, and the neighbour's reference film."""
        made = await self.http.template("good.json", simple("customer", SECONDS))
        self.file, self.project = made["file_id"], made["project_id"]
        self.theirs = (await self.neighbour.template("theirs.json", simple("neighbour", SECONDS)))["project_id"]
        self.reference = await self.neighbour.ended(await self.neighbour.render(self.theirs))
        assert self.reference["state"] == "completed", self.reference

    async def no_project(self, file_id: str, code: str) -> None:
        """No template comes of this file: it is refused, or where content had not heard of the file's end yet, it fails."""
        answer = await self.http.send("POST", "/v1/projects", {"name": "x", "file_id": file_id})
        if answer.status != 201:
            is_problem(answer, 422, code, "file_id")
            return
        path = f"/v1/projects/{answer.json['project_id']}"
        project = await self.http.until(path, lambda row: row["state"] in ("published", "failed"))
        assert (project["state"], project["code"]) == ("failed", code) and project["detail"], project

    def order(self, **more: object) -> Json:
        """The body of a render that is right, but for what is given."""
        return {"project_id": self.project, "width": 160, "height": 90, "rate": [10, 1], "quality": "draft"} | more


@asynccontextmanager
async def open_shop(stack: Stack) -> AsyncIterator[Shop]:
    """Two tenants of their own on a running stack."""
    async with Tenants(stack) as tenants:
        mine, other = await tenants.new("customer"), await tenants.new("neighbour")
    async with Http(stack.url, mine.api_key) as http, Http(stack.url, other.api_key) as neighbour:
        shop = Shop(stack, http, neighbour, mine)
        await shop.furnish()
        yield shop


@asynccontextmanager
async def same_film_beside(shop: Shop, stack: Stack) -> AsyncIterator[None]:
    """A new neighbour has the reference's film drawn beside what happens within; it must be the very same."""
    async with Tenants(stack) as tenants:
        tenant = await tenants.new("neighbour anew")  # content keys hold the tenant: it is drawn, not taken from before
    async with Http(stack.url, tenant.api_key) as http:
        project = await http.template("theirs.json", simple("neighbour", SECONDS))
        job = await http.render(project["project_id"])
        yield
        film = await http.ended(job)
        assert (film["state"], film["sha256"]) == ("completed", shop.reference["sha256"]), film


class Memory:
    """The most that each process below this one has grown, in MB; look at it often."""

    def __init__(self) -> None:
        self._first: dict[tuple[int, float], float] = {}
        self._most: dict[tuple[int, float], float] = {}

    def look(self) -> None:
        """Take a sample of every process."""
        for process in psutil.Process().children(recursive=True):
            try:
                key, size = (process.pid, process.create_time()), process.memory_info().rss / 2**20
            except psutil.Error:
                continue  # it has just ended
            self._first.setdefault(key, size)
            self._most[key] = max(self._most.get(key, 0.0), size)

    @property
    def growth(self) -> float:
        """MB by which the greediest process grew."""
        return max((most - self._first[key] for key, most in self._most.items()), default=0.0)
