"""Where a film goes: looked at before anything is sent, not after a minute of rendering."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cli.errors import Mistake

SUFFIX = ".mp4"
OTHERS = (".mov", ".mkv", ".webm", ".avi", ".gif", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".webp", ".apng")


def output_of(given: Path | None, template: Path, inputs: Iterable[Path] = ()) -> Path:
    """The film's file. Raises Mistake where it would overwrite what it is made of, is of another kind, or cannot be written."""
    target = given or Path(template.with_suffix(SUFFIX).name)
    if target.is_dir():
        raise Mistake("output.folder", f"{target} is a folder", "-o", "Give the video's file name too.")
    if target.suffix.lower() in OTHERS:
        raise Mistake("output.kind", f"the video is an MP4, not a {target.suffix}", "-o", f"Call it {target.with_suffix(SUFFIX).name}.")
    for one in (template, *inputs):
        if _same(one, target):
            raise Mistake("output.input", f"{target} is what the video is made of", "-o", "Choose another name; nothing was changed.")
    _check_writable(target)
    return target


def _same(one: Path, target: Path) -> bool:
    try:
        return target.samefile(one)
    except (OSError, ValueError):
        return False


def _check_writable(target: Path) -> None:
    folder = target.absolute().parent
    if not folder.is_dir():
        raise Mistake("output.folder", f"there is no folder {folder}", "-o", "Make it, or choose another place.")
    if target.exists() and not os.access(target, os.W_OK):
        raise Mistake("output.folder", f"{target} cannot be overwritten", "-o", "Choose another name, or make it writable.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Mistake("output.folder", f"nothing can be written to {folder} ({error.strerror})", "-o", "Choose another place.") from error
