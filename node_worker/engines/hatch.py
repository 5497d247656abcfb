"""The hatch in an engine's cage: what a request names is handed in, what the engine made is taken out, and nothing else passes."""

import contextlib
import os
import shutil
from collections import OrderedDict
from itertools import islice
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from node_worker.cage import user
from node_worker.cage.guards import Place
from node_worker.encode.facts import ExportFacts
from node_worker.engines import protocol
from node_worker.engines.base import Files
from node_worker.remains import AT_ONCE, put_away, remove

SPARE = 16 << 20  # bytes that a file may have beyond what it is made of
BUNDLES_KEPT = 4  # extracted templates, for the parts that follow
T = TypeVar("T", bound=protocol.Request)


class NotAsked(Exception):
    """The engine offers what nobody asked it for, or no plain file."""


class Hatch:
    """The daemon's side of an engine's folder."""

    def __init__(self, folder: Path, engine: str) -> None:
        self._folder, self._engine = folder.absolute(), engine
        self.place = Place(self._folder, engine)
        self._outputs: dict[str, tuple[Path, Path, int]] = {}  # by the engine's name: where it lies and is wanted, its most bytes
        self._bundles: OrderedDict[str, None] = OrderedDict()

    def open(self) -> Place:
        """Make the folder anew for a new process, and whose it is."""
        self.close()
        place = Place(self._folder, self._engine, *user.of(self._folder))
        for folder in (place.folder, place.given, place.made, place.root):
            folder.mkdir(parents=True, mode=0o700)
        if place.user:
            try:
                user.give(place.made, place.user, place.group, 0o700)
                for folder in (place.folder, place.given):
                    user.give(folder, -1, place.group, 0o710 if folder is place.folder else 0o750)
            except OSError:  # root in name only, as in some containers
                place = Place(self._folder, self._engine)
        self.place = place
        return place

    def close(self) -> None:
        """Leave nothing behind."""
        self._outputs.clear()
        self._bundles.clear()
        put_away(self._folder)

    def clear(self) -> bool:
        """Take back what the last request was given, and drop what it left; only the latest templates stay extracted.

        Whether all of it is gone: an engine that leaves more than can be dropped at once is to be replaced.
        """
        self._outputs.clear()
        old = [self.place.made / "bundles" / self._bundles.popitem(last=False)[0] for _ in range(len(self._bundles) - BUNDLES_KEPT)]
        if (self.place.made / "bundles").is_symlink():
            return False
        return remove(*_inside(self.place.given), *_inside(self.place.made, but="bundles"), *old, most=AT_ONCE)

    def inside(self, request: T) -> T:
        """The request as the engine is to see it. Raises OSError."""
        match request:
            case protocol.Inspect():
                return replace(request, path=self._give(request.path, Path(request.path).name), work=str(self.place.made / "work"))
            case protocol.DrawSegments():
                raw = _raw(request)
                tasks = tuple(replace(one, output=self._expect(one.key, one.output, one.count * raw)) for one in request.segments)
                return replace(request, files=self._files(request), segments=tasks)
            case protocol.DrawPicture():
                return replace(request, files=self._files(request), output=self._expect("", request.output, _raw(request)))
            case protocol.Assemble():
                segments = tuple(replace(one, path=self._give(one.path, one.sha256)) for one in request.segments)
                files = {name: self._give(path, name) for name, path in request.files.items()}
                most = sum(Path(path).stat().st_size for path in (*files.values(), *(one.path for one in segments)))
                return replace(request, segments=segments, files=files, output=self._expect("", request.output, 2 * most))
        return request

    def outside(self, event: protocol.Event) -> protocol.Event:
        """The event, with the file that it speaks of taken to where it was wanted. Raises NotAsked, OSError (a full disk)."""
        match event:
            case protocol.SegmentDone(segment=segment):
                return replace(event, segment=replace(segment, path=self._take(segment.key, segment.bytes)))
            case protocol.PictureDone(bytes=size) | protocol.Assembled(facts=ExportFacts(bytes=size)):
                self._take("", size)
        return event

    def _files(self, request: protocol.SceneRequest) -> Files:
        self._bundles[request.spec.bundle] = None
        self._bundles.move_to_end(request.spec.bundle)
        given = {name: self._give(path, name) for name, path in request.files.objects.items()}
        return Files(objects=given, work=str(self.place.made / "bundles"))

    def _give(self, path: str, name: str) -> str:
        """Show a file under a name, without a copy where the disk can."""
        target = self.place.given / name
        if not target.exists():
            source = os.path.realpath(path)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
            user.share(target, self.place.group)
        return str(target)

    def _expect(self, name: str, output: str, most: int) -> str:
        inside = self.place.made / f"{len(self._outputs)}{Path(output).suffix}"
        self._outputs[name] = inside, Path(output), most + SPARE
        return str(inside)

    def _take(self, name: str, size: int) -> str:
        if name not in self._outputs:
            raise NotAsked(f"the engine offers {name[:80]!r}, which nobody asked for")
        inside, wanted, most = self._outputs.pop(name)
        # Moved first: where it lies then, the engine cannot put something else in its place, not even while it is copied to another disk.
        taken = self.place.folder / f"taken{inside.suffix}"
        os.rename(inside, taken)
        try:
            user.take(taken)
        except OSError as error:
            raise NotAsked(f"the engine offers what is no file of its own: {error}") from error
        if (found := taken.stat().st_size) != size or found > most:  # a file of nothing but holes would fill the store
            raise NotAsked(f"the engine offers {found} bytes, says {size}, and may make {most}")
        shutil.move(taken, wanted)
        return str(wanted)


def _raw(request: protocol.SceneRequest) -> int:
    """Bytes of a frame as it is drawn: whatever is made of it has no more, but for headers."""
    return 4 * request.width * request.height


def _inside(folder: Path, but: str = "") -> list[Path]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in islice(entries, AT_ONCE + 2) if entry.name != but]
    return []
