"""Runs a module where the kernel does not know some calls: `python -m tests.unit.cage.old_kernel unshare,seccomp MODULE …`."""

import errno
import runpy
import sys

from node_worker.cage import calls, system


def forget(names: list[str]) -> None:
    """From now on, for this process and its children, the kernel does not know these calls."""
    numbers = system.numbers(system.machine())
    lines: list[calls.Instruction] = [(calls.LOAD, 0, 0, calls.NUMBER)]
    for name in names:
        lines += [(calls.EQUAL, 0, 1, numbers[name]), (calls.RETURN, 0, 0, calls.REFUSE | errno.ENOSYS)]
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    calls.install([*lines, (calls.RETURN, 0, 0, calls.ALLOW)])


if __name__ == "__main__":
    missing, module = sys.argv[1:3]
    del sys.argv[1:3]
    if missing:
        forget(missing.split(","))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
