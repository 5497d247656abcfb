"""What a hostile engine gets, on kernels that have all guards or some."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[3]
SECRET = "FLATRENDER_NATS_PASSWORD"
# Linux's calls that a kernel of one kind or another does not have.
KERNELS = {
    "this kernel": "",
    "no Landlock": "landlock_create_ruleset",
    "no namespaces": "unshare",
    "Landlock alone": "unshare,seccomp",
    "seccomp alone": "unshare,landlock_create_ruleset",
    "namespaces alone": "landlock_create_ruleset,seccomp",
    "nothing": "unshare,landlock_create_ruleset,seccomp",
}
MATTERS = ("network", "view", "user", "privileges", "files", "calls", "limits")
# Each try is refused where any one of these guards is up.
REFUSED_BY = {
    "read the machine's users": {"view", "files"},
    "read the node's secret": {"view", "files", "user"},
    "read another tenant's template": {"view", "files", "user"},
    "read the daemon's environment": {"view", "files", "user", "privileges"},
    "list the cache": {"view", "files", "user"},
    "change a template": {"view", "files", "user"},
    "remove the node's secret": {"view", "files", "user"},
    "write beside its folder": {"view", "files", "user"},
    "change what it was given": {"view", "files", "user"},
    "open a connection": {"network", "calls"},
    "open a local socket": {"view", "calls"},
    "run a program": {"view", "files", "calls"},
    "run its own Python": {"view", "files", "calls"},
    "fork": {"calls"},
    "trace its daemon": {"files", "calls", "user", "privileges"},
    "signal its daemon": {"calls", "user"},
    "have the kernel signal its daemon": {"calls"},
    "have memory that does not count": {"calls"},
    "make a link": {"files", "calls"},
    "make a namespace": {"calls"},
    "become root": {"privileges", "calls"},
    "lift its limits": {"privileges", "calls"},
    "outlive its daemon": {"calls"},
    "make a ring of the kernel's": {"calls"},
    "load a program into the kernel": {"calls"},
    "handle faults of memory itself": {"calls"},
    "watch the processor": {"calls"},
    "keep a key": {"calls"},
}


class Found(NamedTuple):
    """What a hostile engine got."""

    guards: dict[str, tuple[bool, str]]
    outcomes: dict[str, str]

    @property
    def up(self) -> set[str]:
        return {name for name, (up, _) in self.guards.items() if up}

    def refused(self, name: str) -> bool:
        return self.outcomes[name].startswith("refused")


def tried(places: Path, missing: str, *, plain: bool = False, loose: str = "") -> Found:
    """What an engine that tries everything gets, of a daemon of root's (of whoever tests) or a plain user's; `loose` guards do nothing."""
    folder = Path(tempfile.mkdtemp(dir=places))
    outer = [] if not plain else ["tests.unit.cage.plain_user", str(place := folder / "home")]
    inner = ["tests.unit.cage.daemon", str(place if plain else folder), missing, loose]
    if plain:
        folder.chmod(0o755)
        place.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), SECRET: "of the daemon"}
    command = [sys.executable, "-m", *outer, *inner]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Found({name: (up, detail) for name, (up, detail) in told["guards"].items()}, told["outcomes"])


def wrong(got: Found) -> dict[str, str]:
    """The tries that worked although a guard is up that is for them."""
    return {name: got.outcomes[name] for name, guards in REFUSED_BY.items() if got.up & guards and not got.refused(name)}
