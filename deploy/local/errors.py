"""The one error that the embedded stack shows to a person, and the translation of the system's errors into it."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StackError(Exception):
    """Something that a person can put right; the text says what happened and what to do, so no traceback is needed."""


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turns an OSError about `folder` or a file in it into a StackError that says what to do."""
    try:
        yield
    except OSError as error:
        raise StackError(_explanation(error, folder)) from error


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raises StackError when the disk that holds `folder` has less than `needed_bytes` free."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise StackError(
            f"the disk that holds {folder} has {free // 2**20} MB free, and {needed_bytes // 2**20} MB are needed to start. "
            "Free some space, or choose another folder with --data."
        )


def _explanation(error: OSError, folder: Path) -> str:
    where = error.filename or folder
    if error.errno == errno.ENOSPC or error.errno == errno.EDQUOT:
        return f"the disk that holds {folder} is full. Free some space, or choose another folder with --data."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where} cannot be written ({error.strerror}). Give this user the folder {folder}, or choose another with --data."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{where} is not a folder. Choose another place with --data."
    return f"{where}: {error.strerror or error}. The data folder is {folder}."
