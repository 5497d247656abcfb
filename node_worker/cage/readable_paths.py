"""What an engine must be able to read beside what it is given: Python, libraries, and our own code that it runs."""

import importlib
import os
import sys
import sysconfig
from pathlib import Path

# Libraries that are loaded late, and what they ask of the machine; none of it is anybody's secret.
SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime"),
    *("/dev/null", "/dev/random", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
)
PACKAGES = ("node_worker", "contracts")
_LIBRARIES = ("site-packages", "dist-packages")


def needed(engine: str) -> tuple[Path, ...]:
    """The files and folders; packages are imported first, as the folder around them cannot be listed any more afterwards."""
    paths = {Path(one) for one in SYSTEM}
    for entry in map(Path, sys.path):
        if entry.name in _LIBRARIES or entry in _standard():
            paths.add(entry)
    for name in (*PACKAGES, engine.partition(":")[0].partition(".")[0]):
        # Not the folder around a package: a checkout may hold a data folder, with its secrets.
        paths.update(Path(place) for place in importlib.import_module(name).__path__)
    return tuple(sorted(path for path in paths if os.access(path, os.R_OK)))


def _standard() -> set[Path]:
    """Where the standard library lies, with its compiled modules."""
    folders = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    return folders | {folder / "lib-dynload" for folder in folders}
