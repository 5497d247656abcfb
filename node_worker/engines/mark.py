"""The frame that is being drawn, told through shared memory: it is still known when the process dies in the middle of it."""

import contextlib
import mmap
import os
import struct
import tempfile
from pathlib import Path

NONE = -1
LAYOUT = struct.Struct("<q")


class FrameMark:
    """Eight bytes of a file that both processes map."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            file.truncate(LAYOUT.size)
            self._memory = mmap.mmap(file.fileno(), LAYOUT.size)

    @property
    def frame(self) -> int:
        """The frame's number, -1 if none is being drawn."""
        return int(LAYOUT.unpack_from(self._memory)[0])

    @frame.setter
    def frame(self, frame: int) -> None:
        LAYOUT.pack_into(self._memory, 0, frame)

    @classmethod
    def new(cls) -> "FrameMark":
        """Make the file, with no frame being drawn."""
        handle, name = tempfile.mkstemp(prefix="flatrender-frame-")
        os.close(handle)
        mark = cls(Path(name))
        mark.frame = NONE
        return mark

    def hide(self) -> None:
        """Delete the file's name once both have it mapped, so that nothing stays behind; Windows lets it go only at the end."""
        with contextlib.suppress(PermissionError):
            self.path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Close and delete the file."""
        self._memory.close()
        self.hide()
