"""Reports on disk until the broker has them: one file each, in the order they were made."""

import os
from pathlib import Path

import msgspec

from contracts import message
from contracts.envelope import Envelope
from contracts.message import Message
from contracts.node import LeaveNode, RegisterNode
from node_worker.log import warning
from node_worker.platform import sync_folder


class Stored(msgspec.Struct, frozen=True):
    """A file's content."""

    headers: dict[str, str]
    body: msgspec.Raw


class Waiting(msgspec.Struct, frozen=True):
    """A report to be delivered; no path when the disk was too full for it."""

    report: Message
    envelope: Envelope
    path: Path | None


class Spool:
    """The files of one folder; a crash between any two steps loses no report and leaves no half one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next = 0

    def load(self) -> list[Waiting]:
        """What an earlier daemon could not deliver, oldest first; its registrations died with it and are dropped."""
        waiting = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                self._next = int(path.name.partition("-")[0]) + 1
                stored = msgspec.json.decode(path.read_bytes(), type=Stored)
                envelope = Envelope.read(stored.headers)
                report = message.decode(envelope.type, bytes(stored.body))
            except (msgspec.MsgspecError, KeyError, ValueError) as error:
                warning("report cannot be read", file=path.name, error=str(error))
                self.set_aside(path)
                continue
            if isinstance(report, RegisterNode | LeaveNode):
                path.unlink()
                continue
            waiting.append(Waiting(report, envelope, path))
        for path in self._folder.glob("*.new"):
            path.unlink()
        return waiting

    def write(self, report: Message, envelope: Envelope) -> Path:
        """Put a report on disk for good. Raises OSError."""
        path = self._folder / f"{self._next:012d}-{envelope.id}.json"
        self._next += 1
        new = path.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(Stored(envelope.headers(), msgspec.Raw(message.encode(report)))))
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        sync_folder(self._folder)
        return path

    def set_aside(self, path: Path) -> None:
        """Keep a file that will never be delivered for a person to look at."""
        bad = self._folder / "bad"
        bad.mkdir(exist_ok=True)
        os.replace(path, bad / path.name)
