"""The frame that is being drawn, told through shared memory: it is still known when the process dies in the middle of it."""

import contextlib
import mmap
import struct
from pathlib import Path

NONE = -1
LAYOUT = struct.Struct("<q")


class FrameMark:
    """The engine's side: eight bytes of a file that it maps."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), LAYOUT.size)

    @property
    def frame(self) -> int:
        """The frame's number, -1 if none is being drawn."""
        return int(LAYOUT.unpack_from(self._memory)[0])

    @frame.setter
    def frame(self, frame: int) -> None:
        LAYOUT.pack_into(self._memory, 0, frame)


class WatchedMark:
    """The host's side, which reads the file: an engine may cut it off, and who maps what is not there any more ends by SIGBUS.

    It lies in the engine's own folder, as the engine can also make it longer.
    """

    def __init__(self, folder: Path) -> None:
        """Make the file, with no frame being drawn. Raises OSError (a full disk)."""
        self.path = folder / "mark"
        self._file = self.path.open("x+b", buffering=0)
        self._file.write(LAYOUT.pack(NONE))

    @property
    def frame(self) -> int:
        """The frame's number, -1 if none is being drawn or nothing can be read."""
        with contextlib.suppress(OSError, struct.error):
            self._file.seek(0)
            return int(LAYOUT.unpack(self._file.read(LAYOUT.size))[0])
        return NONE

    @frame.setter
    def frame(self, frame: int) -> None:
        with contextlib.suppress(OSError):  # a full disk, after the engine has cut the file off
            self._file.seek(0)
            self._file.write(LAYOUT.pack(frame))

    def hide(self) -> None:
        """Delete the file's name once the engine has it mapped, so that nothing stays behind; Windows lets it go only at the end."""
        with contextlib.suppress(PermissionError):
            self.path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Close and delete the file."""
        self._file.close()
        self.hide()
