"""Landlock: the files that an engine may read, and the one folder in which it may write."""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from node_worker.cage import system

# linux/landlock.h
ABI = 1  # asked for instead of a ruleset
PATH_BENEATH = 1
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
FIRST_ABI = (1 << 13) - 1  # execute to make_sym
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
SINCE = ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV))
TCP = 0b11  # bind, connect; since 4
SCOPES = 0b11  # abstract sockets, signals; since 6
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE
ON_FILES = WRITE_FILE | READ_FILE | TRUNCATE
O_PATH = 0o10000000


def close(read: Iterable[Path], given: Path, made: Path) -> str:
    """Allow this thread, and those that it starts, `read` and `given` to read, `made` to write, no TCP. Raises OSError."""
    abi = system.call("landlock_create_ruleset", ctypes.c_void_p(None), 0, ABI)
    handled = FIRST_ABI | sum(right for since, right in SINCE if abi >= since)
    attributes = struct.pack("=QQQ", handled, TCP if abi >= 4 else 0, SCOPES if abi >= 6 else 0)
    ruleset = system.call("landlock_create_ruleset", ctypes.c_char_p(attributes), len(attributes), 0)
    try:
        for path in (*read, given):
            _allow(ruleset, path, READ & handled)
        _allow(ruleset, made, WRITE & handled)
        system.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return f"ABI {abi}"


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Allow what lies below a path; a device that anybody writes into (/dev/null) may be written too."""
    if sys.platform != "linux":
        raise OSError("not offered by this system")
    try:
        beneath = os.open(path, O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not path.is_dir():
            rights &= ON_FILES
            rights |= WRITE_FILE if path.is_char_device() else 0
        rule = struct.pack("=Qi", rights, beneath)
        system.call("landlock_add_rule", ruleset, PATH_BENEATH, ctypes.c_char_p(rule), 0)
    except OSError as error:
        if error.errno != errno.EBADFD:  # nothing can be allowed or forbidden there (a pipe, a socket)
            raise
    finally:
        os.close(beneath)
