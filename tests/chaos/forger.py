"""A node that forges: it was let in like any other, and speaks under ids, tenants and reply subjects that are not its own."""

import random
from collections import Counter
from uuid import UUID, uuid4

from nats.errors import Error as NatsError

from adapters.nats import StreamError
from contracts.catalogue import WORK
from contracts.envelope import first
from contracts.file_mgr.uploads import UploadStarted
from contracts.message import encode, type_of
from contracts.node import ReportFailure, ReportSegment
from contracts.studio.saved_projects import SaveProject
from tests.chaos.foreign import MARK, encode_mark
from tests.e2e.support_rogue import Rogue

PULL = "$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
FORGED = 6  # messages of each kind at a time


class Forger:
    """Forges as one node; `rogue` is entered already."""

    def __init__(self, rogue: Rogue, chance: random.Random) -> None:
        self.rogue, self._random = rogue, chance
        self.sent: Counter[str] = Counter()

    async def forge(self, tenant: UUID, ids: list[UUID]) -> int:
        """Some of each kind, in this tenant's name and under ids that others have used, or will; how many the broker took."""
        before = self.sent.total()
        for _ in range(FORGED):
            id = self._random.choice([*ids, uuid4()])
            await self._report(tenant, id)
            await self._replies(tenant, id)
            await self._direct(tenant, id)
        return self.sent.total() - before

    async def _report(self, tenant: UUID, id: UUID) -> None:
        """A report in another's name: of a part that is not its own, or one that nobody can read."""
        lie = ReportSegment(
            part_id=id, epoch=1, key=MARK, object_key=MARK, sha256="0" * 64, bytes=1, frames=1, difference=0.0, seconds=0.1
        )  # fmt: skip
        headers = first(lie, tenant=tenant, actor="key:nobody", id=id).headers()
        for cls, body in ((ReportSegment, encode(lie)), (ReportFailure, encode_mark())):
            try:
                await self.rogue.send(type_of(cls).subject(self.rogue.id), body, headers | {"ce-type": type_of(cls).full_name})
                self.sent["reports"] += 1
            except StreamError:
                self.sent["refused"] += 1

    async def _replies(self, tenant: UUID, id: UUID) -> None:
        """A report, and a pull, whose answers are to go where a node may not publish."""
        places = (type_of(SaveProject).subject(tenant), type_of(UploadStarted).subject(tenant))
        pull = PULL.format(stream=WORK, durable=self.rogue.id)
        for place in places:
            for subject, body in ((type_of(ReportFailure).subject(self.rogue.id), encode_mark()), (pull, b'{"batch":1,"no_wait":true}')):
                try:
                    await self.rogue.nc.publish(subject, body, reply=place)
                    self.sent["replies"] += 1
                except NatsError:
                    self.sent["refused"] += 1

    async def _direct(self, tenant: UUID, id: UUID) -> None:
        """What it may not publish at all."""
        for cls in (SaveProject, UploadStarted):
            named = first(SaveProject(project_id=id), tenant=tenant, actor="key:nobody", id=id).headers()
            headers = named | {"ce-type": type_of(cls).full_name}
            try:
                await self.rogue.nc.publish(type_of(cls).subject(tenant), encode_mark(), headers=headers)
            except NatsError:
                self.sent["refused"] += 1
