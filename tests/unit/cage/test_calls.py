"""The tables of the kernel's calls are those of its headers, and the filter is what it says."""

import re
import sys
from pathlib import Path

import pytest

from node_worker.cage import calls, system

HEADERS = {"x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), "aarch64": Path("/usr/include/asm-generic/unistd.h")}
NAMES = {"newfstatat": "fstatat"}  # another name in the header that machines without a past share


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("the kernel's headers are not installed")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text(encoding="utf-8")))
    ours = system.numbers(machine)
    assert ours == {name: int(found.get(name) or found[NAMES[name]]) for name in ours}


@pytest.mark.parametrize("machine", system.MACHINES)
def test_no_jump_leaves_the_filter_and_every_path_ends(machine: str) -> None:
    lines = calls.program(machine, 1)
    assert lines[-1][0] == calls.RETURN
    assert len(lines) < 4096  # BPF_MAXINSNS
    for at, (code, yes, no, _) in enumerate(lines):
        if code in (calls.EQUAL, calls.GREATER, calls.ANY_BIT):
            assert max(at + 1 + yes, at + 1 + no) < len(lines)


def answer(lines: list[calls.Instruction], machine: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What the filter says to a call: the machine of linux/bpf_common.h, as far as it is used."""
    loaded, at = 0, 0
    words = {calls.NUMBER: number, calls.MACHINE: machine}
    for place in range(6):
        value = arguments[place] if place < len(arguments) else 0
        words |= {calls.ARGUMENTS + 8 * place: value & 0xFFFFFFFF, calls.ARGUMENTS + 8 * place + 4: value >> 32}
    while True:
        code, yes, no, constant = lines[at]
        at += 1
        match code:
            case calls.LOAD:
                loaded = words[constant]
            case calls.RETURN:
                return constant
            case calls.EQUAL:
                at += yes if loaded == constant else no
            case calls.GREATER:
                at += yes if loaded > constant else no
            case calls.AND:
                loaded &= constant
            case calls.ANY_BIT:
                at += yes if loaded & constant else no


@pytest.mark.parametrize("machine", system.MACHINES)
def test_the_filter_allows_what_is_needed_and_refuses_the_rest(machine: str) -> None:
    lines, numbers, kind = calls.program(machine, 4711), system.numbers(machine), system.MACHINES[machine]

    def said(name: str, *arguments: int) -> str:
        word = answer(lines, kind, numbers[name], arguments)
        return "allowed" if word == calls.ALLOW else {1: "EPERM", 38: "ENOSYS"}[word & 0xFFFF]

    assert said("read") == said("openat") == said("futex") == "allowed"
    assert said("clone", calls.CLONE_THREAD | 0xF00) == "allowed"
    assert said("clone", 17) == "EPERM"
    assert said("clone3") == "ENOSYS"
    assert said("kill", 4711) == said("tgkill", 4711, 4712) == "allowed"
    assert said("kill", 1) == said("kill", 0xFFFFFFFF) == said("tgkill", 1, 1) == "EPERM"
    assert said("prctl", system.PR_SET_NAME) == "allowed"
    assert said("prctl", system.PR_SET_PDEATHSIG) == said("prctl", system.PR_SET_DUMPABLE) == "EPERM"
    assert said("prlimit64", 0, 7, 0) == "allowed"
    assert said("prlimit64", 0, 7, 0x7F0012345678) == said("prlimit64", 0, 7, 1 << 40) == "EPERM"
    assert said("ioctl", 1, 0x5401) == "allowed"
    assert said("ioctl", 1, 0x5412) == "EPERM"  # TIOCSTI, which types into a terminal
    assert said("fcntl", 5, 1030, 3) == said("fcntl", 5, 4, 0x800) == "allowed"
    owners, lease = [said("fcntl", 1, one, 1) for one in (8, 10, 15)], said("fcntl", 5, 1024, 0)
    assert {*owners, lease} == {"EPERM"}
    assert said("mmap", 0, 4096, 3, 0x22) == said("mmap", 0, 4096, 3, 1, 5) == said("mmap", 0, 4096, 1, 3, 5) == "allowed"
    assert said("mmap", 0, 4096, 3, 0x21) == said("mmap", 0, 4096, 3, 0x23) == said("mmap", 0, 4096, 3, 0x21 | 0x4000) == "EPERM"
    assert said("unshare") == said("mount") == said("seccomp") == said("landlock_create_ruleset") == "EPERM"
    assert answer(lines, kind, system.HIGHEST + 1) == calls.REFUSE | 38
    assert answer(lines, kind, 0x40000000 + 1) == calls.REFUSE | 38  # the calls of x32
    assert answer(lines, 0x40000003, 1) == calls.KILL  # those of a 32-bit program


def test_where_no_call_is_known_none_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("asks the kernel")
    monkeypatch.setattr(system, "machine", lambda: "riscv64")
    for name in ("unshare", "seccomp", "landlock_create_ruleset"):
        with pytest.raises(OSError, match="not known on riscv64"):
            system.call(name)
    with pytest.raises(OSError, match="not known"):
        calls.program("riscv64", 1)
