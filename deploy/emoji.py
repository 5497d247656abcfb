"""Brings the font for emoji in colours, which no Python package carries: `python -m deploy.emoji`, run by `make env`.

Noto Color Emoji (SIL OFL 1.1) comes from the npm package @fontsource/noto-color-emoji by npm itself, is unpacked without its table of
SVG, which nothing here draws, and laid beside the code that uses it. Without npm texts are drawn all the same, and told that their
emoji are missing.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from node_worker.engines.lottie.text.faces import EMOJI
from node_worker.inspect.webfonts import unpack

_PACKAGE = "@fontsource/noto-color-emoji@5.3.2"
_MEMBER = "package/files/noto-color-emoji-emoji-400-normal.woff"
_SHA256 = "fe4372180ac6ff6cbad52739096cf13507dc98ae0504dd2994884f3f42bb4b19"  # of the unpacked font
_SOON = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")  # without a network `make env` need not wait for a minute
_PATIENCE = 180  # seconds for 46 MB over a slow line


def main() -> int:
    """Put the font in its place unless it is there; 0 if it is there at the end."""
    if _is_there(EMOJI):
        return 0
    npm = shutil.which("npm", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if npm is None:
        return _told("npm was not found")
    try:
        with tempfile.TemporaryDirectory() as folder:
            command = [
                npm,
                "pack",
                _PACKAGE,
                "--silent",
                "--fetch-retries=1",
                "--fetch-retry-mintimeout=1000",
                "--pack-destination",
                folder,
            ]
            subprocess.run(command, check=True, timeout=_PATIENCE, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                member = archive.extractfile(_MEMBER)
                font = unpack(member.read() if member else b"", without=frozenset({"SVG "}))
    except (subprocess.SubprocessError, OSError, tarfile.TarError, StopIteration, KeyError, ValueError) as error:
        return _told(str(error) or type(error).__name__)
    if hashlib.sha256(font).hexdigest() != _SHA256:
        return _told("the package holds another font than was expected")
    made = EMOJI.with_suffix(f".{os.getpid()}")
    made.write_bytes(font)
    made.replace(EMOJI)
    return 0


def _is_there(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == _SHA256


def _told(why: str) -> int:
    sys.stderr.write(
        f"the font for emoji in colours was not brought ({why}); texts are drawn without emoji until `python -m deploy.emoji` does\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
