#!/bin/sh
# Makes the environment in .venv from requirements.lock: needs a Python 3.11 to 3.13 with venv, or with pip, or uv. Run it as `make env`.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
venv=.venv
lock=requirements.lock
suitable='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

fail() {
    printf 'make env: %s\n' "$*" >&2
    exit 1
}

# The system's own comes first when it can make an environment with pip: distributions build theirs with profile-guided optimisation,
# what version managers build is often a third slower. Each candidate is run, not only found: version managers leave stubs that fail.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        "$PYTHON" -c "$suitable" 2>/dev/null || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 that runs."
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in /usr/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3.13; do
        "$candidate" -c "import ensurepip, venv; $suitable" 2>/dev/null && printf '%s\n' "$candidate" && return
    done
    for candidate in python3.11 python3.12 python3.13 python3 python; do
        "$candidate" -c "$suitable" 2>/dev/null && printf '%s\n' "$candidate" && return
    done
    fail "no Python 3.11, 3.12 or 3.13 was found. Install one (Debian, Ubuntu: apt install python3 python3-venv), or name it: make env PYTHON=/path/to/python3.12"
}

# Debian's Python may lack ensurepip; an environment without pip is then filled from outside.
make_venv() {
    "$python" -m venv --clear "$venv" >/dev/null 2>&1 || "$python" -m venv --clear --without-pip "$venv" ||
        fail "$python cannot make a virtual environment here. Debian, Ubuntu: apt install python3-venv. Else see the lines above (disk full? folder not writable?)."
}

install_lock() {
    set -- install --no-deps --only-binary :all: --require-hashes -r "$lock"
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip --quiet "$@"
    elif "$python" -m pip --python "$venv/bin/python" --version >/dev/null 2>&1; then
        "$python" -m pip --quiet --python "$venv/bin/python" "$@"
    elif command -v uv >/dev/null 2>&1; then
        uv pip "$@" --quiet --python "$venv/bin/python"
    else
        fail "this Python has no pip of version 22.3 or newer, and there is no uv. Debian, Ubuntu: apt install python3-venv python3-pip"
    fi || fail "the packages of $lock could not be installed; the lines above say why. (The servers' wheels need Linux with glibc 2.28 or newer, or macOS.)"
}

# A path file and a launcher instead of an editable install: nothing is built, and both survive a move of the folder.
link_project() {
    "$venv/bin/python" - <<'END'
import os, sysconfig
from pathlib import Path

site = Path(sysconfig.get_path("purelib"))
(site / "flatrender.pth").write_text(os.path.relpath(Path.cwd().resolve(), site.resolve()) + "\n", encoding="utf-8")
END
    cat >"$venv/bin/flatrender" <<'END'
#!/bin/sh
# Written by deploy/env.sh. Runs FlatRender's command line with the Python of this environment, from any folder.
exec "$(dirname "$(readlink -f "$0")")/python" -P -c 'import sys; from cli import main; sys.argv[0] = "flatrender"; sys.exit(main())' "$@"
END
    chmod +x "$venv/bin/flatrender"
}

if ! { "$venv/bin/python" -c "$suitable" && [ -z "${PYTHON:-}" ]; } 2>/dev/null; then
    python=$(find_python)
    make_venv
fi
python=${python:-$venv/bin/python}
[ -f "$lock" ] || fail "$lock is missing in $(pwd)."
echo "installing the packages of $lock into $venv (about 180 MB the first time)"
install_lock
link_project
"$venv/bin/python" -m deploy.emoji || true
echo "ready: $("$venv/bin/python" -V) in $venv; start with $venv/bin/flatrender --help"
