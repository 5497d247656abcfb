"""Runs a module as a user without any rights, who can reach Python: `python -m tests.unit.cage.plain_user FOLDER MODULE …`; needs root."""

import os
import runpy
import sys
from pathlib import Path

from node_worker.cage import system, user, view
from node_worker.cage.readable_paths import needed

USER = 64321  # nobody's


def become(folder: Path) -> None:
    """Be that user, who owns `folder`, in a view that leaves out folders which only root may enter."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER)
    root = folder.parent / "root"
    root.mkdir()
    seen = [*needed("tests.unit"), *map(Path, ("/proc", "/dev", "/etc", "/usr", "/bin")), Path(sys.prefix), Path(sys.base_prefix)]
    system.call("unshare", view.NEW_FILES)
    view.enter(root, seen, folder, folder)
    system.mount(None, "/proc", None, view.REMOUNT | view.BIND)  # where who makes a user namespace writes its map
    os.chdir(folder)
    user.become(USER, USER)


if __name__ == "__main__":
    place, module = sys.argv[1:3]
    del sys.argv[1:3]
    become(Path(place))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
