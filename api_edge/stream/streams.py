"""Open event streams: what each one wants of the feed, its bounded buffer, and how it ends."""

import asyncio
from collections import deque
from uuid import UUID

from api_edge.stream.events import FeedEvent
from contracts.message import type_of
from contracts.render.jobs import JobCancelled, JobCompleted, JobFailed

MOST_EVENTS = 2_000  # that wait for a slow reader
MOST_BYTES = 4 * 1024 * 1024
TICK_MARK = -1
ENDS = tuple(type_of(kind).name for kind in (JobCompleted, JobFailed, JobCancelled))


class Wanted:
    """A stream's filter: the tenant's public events, by prefixes of the type and by job."""

    def __init__(self, tenant: str, types: tuple[str, ...] = (), job_id: str = "") -> None:
        self.tenant, self.types, self.job_id = tenant, types, job_id

    def event(self, event: FeedEvent) -> bool:
        """Whether the stream gets this event."""
        if event.tenant != self.tenant or not event.kind.public:
            return False
        if self.types and not event.kind.name.startswith(self.types):
            return False
        return not self.job_id or event.job_id == self.job_id

    def tick(self, tenant: str, name: str, job_id: str) -> bool:
        """Whether the stream gets this tick."""
        if tenant != self.tenant or (self.types and not name.startswith(self.types)):
            return False
        return not self.job_id or job_id == self.job_id

    def ends_with(self, event: FeedEvent) -> bool:
        """Whether nothing follows this event in the stream: it is of one render, which has ended."""
        return bool(self.job_id) and event.kind.name in ENDS and event.tenant == self.tenant and event.job_id == self.job_id


class Stream:
    """One reader's buffer; `next` gives what came, until `end` was called and everything was given."""

    def __init__(self, credential: UUID, wanted: Wanted) -> None:
        self.credential, self.wanted = credential, wanted
        self.ended = ""  # why it ends
        self.is_complete = False  # all that it will ever give was offered
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def offer(self, position: int, frame: bytes) -> None:
        """Put a frame into the buffer; a reader who is too slow is ended and may resume."""
        if self.ended or self.is_complete:
            return
        if len(self._waiting) >= MOST_EVENTS or self._bytes + len(frame) > MOST_BYTES:
            self.end("this reader is too slow; resume with the last id as Last-Event-ID")
            return
        self._waiting.append((position, frame))
        self._bytes += len(frame)
        self._wake.set()

    def end(self, why: str) -> None:
        """End the stream at once; what waits is not given any more."""
        self.ended = self.ended or why
        self._waiting.clear()
        self._wake.set()

    def complete(self) -> None:
        """Nothing comes any more: what waits is given, and then it ends."""
        self.is_complete = True
        self._wake.set()

    def leave(self) -> None:
        """Its reader is gone: nobody is told anything any more."""
        self.end("its reader is gone")

    async def wait(self, seconds: float) -> bool:
        """Wait until there is something to give, or the end; False when nothing came in time."""
        if self._waiting or self.ended or self.is_complete:
            return True
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def take(self, behind: int) -> bytes:
        """Everything that waits, but events only from behind a position."""
        frames = [frame for position, frame in self._waiting if position > behind or position == TICK_MARK]
        self._waiting.clear()
        self._bytes = 0
        return b"".join(frames)


class Streams:
    """All open streams; a listener of the feed."""

    def __init__(self) -> None:
        self._open: dict[str, set[Stream]] = {}  # by tenant

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def add(self, stream: Stream) -> None:
        """From now on the stream gets what it wants."""
        self._open.setdefault(stream.wanted.tenant, set()).add(stream)

    def remove(self, stream: Stream) -> None:
        """The stream is closed."""
        streams = self._open[stream.wanted.tenant]
        streams.discard(stream)
        if not streams:
            del self._open[stream.wanted.tenant]

    def hear(self, event: FeedEvent) -> None:
        """Give an event to every stream that wants it."""
        for stream in self._open.get(event.tenant, ()):
            if stream.wanted.event(event):
                stream.offer(event.position, event.frame)
            if stream.wanted.ends_with(event):
                stream.complete()

    def hear_tick(self, tenant: str, name: str, job_id: str, frame: bytes) -> None:
        """Give a tick to every stream that wants it."""
        for stream in self._open.get(tenant, ()):
            if stream.wanted.tick(tenant, name, job_id):
                stream.offer(TICK_MARK, frame)

    def wanted(self, tenant: str) -> bool:
        """Whether anybody of this tenant listens."""
        return tenant in self._open

    def end_of(self, credential: UUID, why: str) -> None:
        """A key was revoked, a session is over: its streams end at once."""
        for streams in self._open.values():
            for stream in streams:
                if stream.credential == credential:
                    stream.end(why)

    def end_all(self, why: str) -> None:
        """The edge stops."""
        for streams in self._open.values():
            for stream in streams:
                stream.end(why)
