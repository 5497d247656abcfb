"""Root may not run PostgreSQL: the unprivileged user that runs it instead, and a copy of the binaries that this user can reach."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StackError, explained

UNPRIVILEGED = "nobody"
# Where root may keep the copy, best first; each must be enterable by everyone.
SHELTERS = ("/var/lib/flatrender", "/opt/flatrender", "/tmp")


@dataclass(frozen=True)
class RunAs:
    """The user and group that PostgreSQL runs as; both None: the user of this process."""

    user: int | None = None
    group: int | None = None

    def give(self, path: Path) -> None:
        """Makes that user the owner of `path`."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


def run_as() -> RunAs:
    """Who runs PostgreSQL here. Raises StackError when root finds nobody to run it as."""
    if os.geteuid() != 0:
        return RunAs()
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise StackError(
            f"PostgreSQL refuses to run as root, and there is no user {UNPRIVILEGED!r}. Run this as a normal user, or create one."
        ) from None
    return RunAs(entry.pw_uid, entry.pw_gid)


def reachable_install(install: Path, who: RunAs) -> Path:
    """`install`, or a copy of it that `who` can execute (the original may lie below a closed folder such as /root)."""
    if who.user is None or _runs(install, who):
        return install
    problems = []
    for shelter in SHELTERS:
        try:
            copy = _copy(install, Path(shelter))
        except OSError as error:
            problems.append(f"{shelter}: {error}")
            continue
        if _runs(copy, who):
            return copy
        problems.append(f"{shelter}: the user {UNPRIVILEGED} cannot execute files there")
    raise StackError(f"PostgreSQL below {install} cannot be run by {UNPRIVILEGED}, nor can a copy of it ({'; '.join(problems)}).")


def _runs(install: Path, who: RunAs) -> bool:
    try:
        # As the server will be started: a check of modes alone would miss mounts, access lists and missing libraries.
        done = subprocess.run(
            [str(install / "bin" / "postgres"), "-V"],
            capture_output=True,
            check=False,
            user=who.user,
            group=who.group,
            extra_groups=[],
            cwd="/",
        )
    except PermissionError as error:
        # Without a file name it is the change of user that was refused.
        if error.filename is None:
            raise StackError(f"this root may not become {UNPRIVILEGED} to run PostgreSQL ({error.strerror}).") from error
        return False
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _copy(install: Path, shelter: Path) -> Path:
    package = install.parent
    libraries = package.with_name(package.name + ".libs")
    made = (install / "bin" / "postgres").stat()
    target = shelter / f"flatrender-postgresql-18-{made.st_size:x}-{int(made.st_mtime):x}"
    if _is_ours(target):
        return target / package.name / install.name
    shelter.mkdir(parents=True, exist_ok=True)
    with explained(shelter):
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=shelter))
    try:
        # The binaries look for their libraries in the sibling folder, relative to themselves.
        shutil.copytree(install, work / package.name / install.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, work / libraries.name, symlinks=True)
        _open_to_all(work)
        os.rename(work, target)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
        # Another start may have made the same copy meanwhile.
        if not _is_ours(target):
            raise
    return target / package.name / install.name


def _is_ours(folder: Path) -> bool:
    # In a folder where everyone may write, someone else could have put programs of theirs under this name.
    try:
        state = folder.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise OSError(f"{folder} belongs to someone else")
    return True


def _open_to_all(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode) & 0o755
        path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
