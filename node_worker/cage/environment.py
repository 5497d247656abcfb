"""The environment of an engine: what Python and libraries need to be found, and nothing that could be a secret."""

import os
from collections.abc import Mapping
from pathlib import Path

_KEPT = {
    *("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_"),
    # Windows starts no program without some of these.
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "APPDATA"),
}
SOURCES = Path(__file__).parents[2]  # where our own packages lie


def clean(made: Path, given: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without all but the harmless, with `given` over them; temporary files go to `made`."""
    kept = {name: value for name, value in os.environ.items() if name.upper() in _KEPT or name.startswith("LC_")}
    return {**kept, "PYTHONPATH": str(SOURCES), **{name: str(made) for name in ("TMPDIR", "TEMP", "TMP")}, **given}
