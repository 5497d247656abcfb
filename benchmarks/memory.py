"""How much memory some processes hold together: each page once, however many others have it too.

The proportional share (PSS) would do, if these were alone: of a library's page it counts less the more processes have it, and those of
other stacks on the machine count as well. So a page of a file or of shared memory counts here as soon as one of ours has it, by the tables
of pages that Linux shows.
"""

from collections.abc import Iterable
from mmap import PAGESIZE
from pathlib import Path

import numpy as np
import numpy.typing as npt

# Of an entry of /proc/<pid>/pagemap (64 bits a page): it is in memory; it is of a file, or shared.
_PRESENT, _OF_FILE = np.uint64(1 << 63), np.uint64(1 << 61)
_ENTRY = 8  # bytes
File = tuple[str, str]  # device and inode
Pages = dict[File, npt.NDArray[np.bool_]]


def held(pids: Iterable[int]) -> float:
    """Bytes of memory that these processes hold together; a process that has ended meanwhile holds nothing."""
    pages: Pages = {}
    own = 0
    for pid in pids:
        try:
            own += _own(Path(f"/proc/{pid}"))
            _note(Path(f"/proc/{pid}"), pages)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return own + sum(int(there.sum()) for there in pages.values()) * PAGESIZE


def _own(process: Path) -> int:
    """What is no file's: of its pages only processes that one made of the other share any, all of which are counted."""
    for line in (process / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    return 0


def _note(process: Path, pages: Pages) -> None:
    """Note which pages of which files a process has in memory."""
    with (process / "pagemap").open("rb", buffering=0) as table:
        for line in (process / "maps").read_text().splitlines():
            addresses, _, offset, device, inode, *_ = line.split(maxsplit=5)
            if inode == "0":
                continue
            begin, end = (int(part, 16) // PAGESIZE for part in addresses.split("-"))
            table.seek(begin * _ENTRY)
            entries = np.frombuffer(table.read((end - begin) * _ENTRY), dtype=np.uint64)
            _mark(pages, (device, inode), int(offset, 16) // PAGESIZE, (entries & _PRESENT != 0) & (entries & _OF_FILE != 0))


def _mark(pages: Pages, file: File, first: int, there: npt.NDArray[np.bool_]) -> None:
    known = pages.get(file)
    if known is None or len(known) < first + len(there):
        longer = np.zeros(first + len(there), dtype=np.bool_)
        if known is not None:
            longer[: len(known)] = known
        known = pages[file] = longer
    known[first : first + len(there)] |= there
