"""The node runs on Linux, macOS and Windows: what only one of them has stands in one place."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_worker"
PLATFORM = {NODE / "platform.py", NODE / "windows.py", *(NODE / "cage").glob("*.py")}
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "crypt", "nis", "posix", "msvcrt", "winreg", "_winapi"}
OS = {
    *("fork", "forkpty", "posix_spawn", "wait", "waitpid", "wait4", "kill", "killpg", "nice", "getpriority", "setpriority", "getloadavg"),
    *("setsid", "getsid", "setpgid", "setpgrp", "getpgid", "getuid", "geteuid", "getgid", "setuid", "setgid", "sched_setaffinity"),
    *("chown", "fchmod", "mkfifo", "sync", "pread", "pwrite", "sendfile", "statvfs", "O_DIRECTORY", "O_NOFOLLOW"),
}
SIGNALS = {
    *("SIGKILL", "SIGSTOP", "SIGCONT", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGCHLD", "SIGALRM", "SIGQUIT", "SIGPIPE"),
    *("alarm", "pthread_kill", "CTRL_BREAK_EVENT", "CTRL_C_EVENT"),
}
PATHS = ("/proc/", "/dev/", "/sys/", "/tmp/")
SPAWNING = {"start_new_session", "preexec_fn", "process_group", "creationflags", "startupinfo"}
FILES = sorted(set(NODE.rglob("*.py")) - PLATFORM)


def findings(tree: ast.AST) -> list[str]:
    """What in a module only some systems have."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = OS if node.module == "os" else SIGNALS if node.module == "signal" else set()
            found += [node.module] if node.module in MODULES else [alias.name for alias in node.names if alias.name in names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = {"os": OS, "signal": SIGNALS, "ctypes": {"WinDLL", "windll", "WinError"}}.get(node.value.id, set())
            found += [f"{node.value.id}.{node.attr}"] if node.attr in names else []
            found += [f"sys.{node.attr}"] if (node.value.id, node.attr) in {("sys", "platform"), ("os", "name")} else []
        elif isinstance(node, ast.keyword) and node.arg in SPAWNING:
            found.append(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(PATHS):
            found.append(node.value)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_only_some_systems_have_stands_in_the_platforms_modules(path: Path) -> None:
    assert findings(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "from resource import setrlimit",
        "os.setsid()",
        "from os import fork",
        "signal.SIGKILL",
        "Popen(x, start_new_session=True)",
        "open('/proc/self/status')",
        "1 if sys.platform == 'linux' else 0",
    ],
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert findings(ast.parse(line))


@pytest.mark.parametrize("platform", sorted({"win32", "darwin", "linux"} - {sys.platform}))  # for this one `make lint` does it
def test_the_platforms_modules_are_typed_for_each_system(platform: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--platform", platform, "--cache-dir", str(tmp_path), "--follow-imports", "silent"]
    checked = subprocess.run([*command, *map(str, sorted(PLATFORM))], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
