"""Calls of the Linux kernel that Python does not offer, by their numbers on the machines that nodes run on."""

import ctypes
import errno
import functools
import os
import platform
from pathlib import Path

# Names that both kinds of machines have: (x86-64, arm64), from asm/unistd_64.h and asm-generic/unistd.h of the kernel.
_BOTH = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69, pwritev 296 70, close 3 57, lseek 8 62,
openat 257 56, fstat 5 80, newfstatat 262 79, statx 332 291, faccessat 269 48, faccessat2 439 439, readlinkat 267 78, getdents64 217 61,
getcwd 79 17, renameat 264 38, renameat2 316 276, mkdirat 258 34, unlinkat 263 35, ftruncate 77 46, truncate 76 45, fallocate 285 47,
fsync 74 82, fdatasync 75 83, fadvise64 221 223, statfs 137 43, fstatfs 138 44, copy_file_range 326 285, sendfile 40 71, umask 95 166,
dup 32 23, dup3 292 24, fcntl 72 25, chdir 80 49, mmap 9 222, munmap 11 215, mprotect 10 226, mremap 25 216, madvise 28 233, brk 12 214,
msync 26 227, membarrier 324 283, rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, sigaltstack 131 132,
restart_syscall 219 128, futex 202 98, set_robust_list 273 99, rseq 334 293, sched_yield 24 124, sched_getaffinity 204 123, getcpu 309 168,
nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113, clock_getres 229 114, gettimeofday 96 169, getpid 39 172, gettid 186 178,
getppid 110 173, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, uname 63 160, sysinfo 99 179, getrusage 98 165,
times 100 153, getrlimit 97 163, getrandom 318 278, ppoll 271 73, pselect6 270 72, exit 60 93, exit_group 231 94, set_tid_address 218 96,
sched_getparam 143 121, sched_getscheduler 145 120, sched_get_priority_max 146 125, sched_get_priority_min 147 126, getpriority 140 141,
clone 56 220, clone3 435 435, kill 62 129, tgkill 234 131, prctl 157 167, prlimit64 302 261, ioctl 16 29,
unshare 272 97, mount 165 40, umount2 166 39, pivot_root 155 41, capset 126 91, seccomp 317 277,
landlock_create_ruleset 444 444, landlock_add_rule 445 445, landlock_restrict_self 446 446
"""
# Older forms that x86-64 alone has.
_X86 = """
open 2, stat 4, lstat 6, access 21, readlink 89, rename 82, mkdir 83, rmdir 84, unlink 87, dup2 33, time 201, poll 7, select 23
"""
HIGHEST = 450  # the newest call that was known when the tables were written; both machines count alike from 424 on
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_… of linux/audit.h

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_GET_NAME = 1, 4, 15, 16  # linux/prctl.h
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_VMA = 24, 38, 0x53564D41
CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3 of linux/capability.h


def machine() -> str:
    """The kind of machine, as the tables name it."""
    return platform.machine()


@functools.cache
def numbers(of: str) -> dict[str, int]:
    """Every call's number on a kind of machine; none for a kind that we do not know."""
    if of not in MACHINES:
        return {}
    column = 1 if of == "x86_64" else 2
    found = {words[0]: int(words[column]) for words in (entry.split() for entry in _BOTH.split(",")) if words}
    if of == "x86_64":
        found |= {words[0]: int(words[1]) for words in (entry.split() for entry in _X86.split(",")) if words}
    return found


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def call(name: str, *arguments: object) -> int:
    """Make a call of the kernel by its name. Raises OSError, ENOSYS where machine or kernel do not have it."""
    number = numbers(machine()).get(name)
    if number is None:
        raise OSError(errno.ENOSYS, f"{name} is not known on {machine()}")
    plain = [_argument(one) for one in arguments]
    result = int(_libc().syscall(ctypes.c_long(number), *plain))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def prctl(option: int, value: int) -> None:
    """Change something of this process. Raises OSError."""
    call("prctl", option, value, 0, 0, 0)


def mount(source: Path | str | None, target: Path | str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount, bind or change a mount. Raises OSError."""
    call("mount", _text(source), _text(target), _text(kind), flags, _text(data))


def _text(value: Path | str | None) -> ctypes.c_char_p:
    return ctypes.c_char_p(None if value is None else os.fsencode(value))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def drop_capabilities() -> None:
    """Give up every capability for good, the bounding set as far as this process may. Raises OSError."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # EINVAL past the last one; EPERM without CAP_SETPCAP, which no_new_privs makes up for
            break
    call("capset", ctypes.byref(_Header(CAPABILITY_VERSION, 0)), ctypes.byref((ctypes.c_uint32 * 6)()))


def _argument(value: object) -> object:
    if isinstance(value, int):
        return ctypes.c_long(value)
    return ctypes.c_char_p(value) if isinstance(value, bytes) else value
