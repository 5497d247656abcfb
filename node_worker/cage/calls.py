"""Seccomp: the calls of the kernel that an engine needs, and no others."""

import ctypes
import errno
import os
import struct

from node_worker.cage import system

# Those with a condition: see `program`.
_CONDITIONAL = ("clone", "clone3", "kill", "tgkill", "prctl", "prlimit64", "ioctl", "fcntl", "mmap")
# Those that only the cage itself needs, before it is closed.
_FOR_CLOSING = ("unshare", "mount", "umount2", "pivot_root", "capset", "seccomp")
_NEVER = (*_FOR_CLOSING, "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")

LOAD, EQUAL, GREATER, ANY_BIT, RETURN, AND = 0x20, 0x15, 0x25, 0x45, 0x06, 0x54  # linux/bpf_common.h
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_… of linux/seccomp.h; REFUSE with an errno
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
SET_MODE_FILTER = 1
# Before Linux 5.16 a filter slows a process down against its own guesses (speculative stores), which hold nobody's secrets here.
ALL_THREADS, FULL_SPEED = 1, 4
CLONE_THREAD = 0x10000
# F_DUPFD to F_SETFL, and F_DUPFD_CLOEXEC. Not F_SETOWN and F_SETSIG, by which a pipe kills whomever its owner may signal, such as a daemon
# of the same user; nor leases, which hold up who opens a file.
FCNTLS = (0, 1, 2, 3, 4, 1030)
SHARED_MEMORY = 0x21  # MAP_SHARED and MAP_ANONYMOUS: memory that counts as nobody's data
IOCTLS = (0x5401, 0x5450, 0x5451, 0x541B)  # TCGETS, FIONCLEX, FIOCLEX, FIONREAD

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def close() -> str:
    """Allow this process and all its threads nothing else from now on. Raises OSError where the kernel cannot."""
    install(program(system.machine(), os.getpid()))
    return "no sockets, no programs, no processes"


def install(instructions: list[Instruction]) -> None:
    """Put a filter on every thread of this process, for good; needs no_new_privs. Raises OSError."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    filter_ = _Program(len(instructions), code)
    stopped_by = system.call("seccomp", SET_MODE_FILTER, ALL_THREADS | FULL_SPEED, ctypes.byref(filter_))
    if stopped_by:
        raise OSError(errno.ESRCH, f"thread {stopped_by} cannot take the filter")


def program(machine: str, pid: int) -> list[Instruction]:
    """The filter: what is not named is refused with EPERM; what is newer than our table does not exist, so that libraries do without."""
    numbers = system.numbers(machine)
    if not numbers:
        raise OSError(errno.ENOSYS, f"the calls of {machine} are not known")
    lines: list[Instruction] = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 1, 0, system.MACHINES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (GREATER, 0, 1, system.HIGHEST),
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),
    ]
    for name, number in numbers.items():
        if name not in _CONDITIONAL and name not in _NEVER:
            lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    refused = (RETURN, 0, 0, REFUSE | errno.EPERM)
    thread = [_argument(0), (ANY_BIT, 0, 1, CLONE_THREAD), (RETURN, 0, 0, ALLOW), refused]
    lines += _block(numbers["clone"], thread)
    # Its flags lie in memory, where a filter cannot look; the C library takes clone instead.
    lines += _block(numbers["clone3"], [(RETURN, 0, 0, REFUSE | errno.ENOSYS)])
    for name, place, values in (
        ("kill", 0, (pid,)),
        ("tgkill", 0, (pid,)),
        ("prctl", 0, (system.PR_SET_NAME, system.PR_GET_NAME, system.PR_SET_VMA)),
        ("ioctl", 1, IOCTLS),
        ("fcntl", 1, FCNTLS),
    ):
        allowed = [line for value in values for line in ((EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW))]
        lines += _block(numbers[name], [_argument(place), *allowed, refused])
    # Limits may be read: the third argument, new limits, must be null in both halves.
    read_only = [_argument(2), (EQUAL, 0, 3, 0), _argument(2, half=4), (EQUAL, 0, 1, 0), (RETURN, 0, 0, ALLOW), refused]
    lines += _block(numbers["prlimit64"], read_only)
    private = [_argument(3), (AND, 0, 0, SHARED_MEMORY), (EQUAL, 0, 1, SHARED_MEMORY), refused, (RETURN, 0, 0, ALLOW)]
    lines += _block(numbers["mmap"], private)
    return [*lines, refused]


def _argument(place: int, half: int = 0) -> Instruction:
    return (LOAD, 0, 0, ARGUMENTS + 8 * place + half)  # both kinds of machines are little-endian


def _block(number: int, then: list[Instruction]) -> list[Instruction]:
    """What is done for one call; passed over for others, with the call's number still loaded."""
    return [(EQUAL, 0, len(then), number), *then]
