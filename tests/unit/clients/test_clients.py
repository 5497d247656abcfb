"""Clients that two generators of the field make of the description know every route, and find the mistakes of who writes with them.

It takes longer than a test should: two generators, two type checkers and 60 routes are what it is about.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.clients import written

HERE = Path(__file__).parent
NODE = HERE / "node"
PACKAGE = "flatrender_client"
pytestmark = pytest.mark.timeout(300)


def run(*command: str | Path, cwd: Path) -> str:
    """A program's words; what it says of a failure is the test's."""
    ran = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, f"{command[0]} ended with {ran.returncode}:\n{ran.stdout[-6000:]}\n{ran.stderr[-3000:]}"
    return ran.stdout


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the description."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "openapi.json").write_text(json.dumps(written.DOCUMENT), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def modules() -> Path:
    """The packages of the lock file in `node`, installed once for each of its states, beside the environment's own."""
    lock = (NODE / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "clients" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(NODE, folder)
        run(Path(sys.prefix) / "bin/npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
        (folder / "complete").touch()
    return folder


def test_a_typescript_client_knows_every_route_and_finds_mistakes(described: Path, modules: Path) -> None:
    folder = described / "typescript"
    folder.mkdir()
    (folder / "node_modules").symlink_to(modules / "node_modules")
    node, tools = Path(sys.prefix) / "bin/node", modules / "node_modules"
    options = ("--default-non-nullable=false", "-o", "schema.d.ts")
    run(node, tools / "openapi-typescript/bin/cli.js", described / "openapi.json", *options, cwd=folder)
    (folder / "everything.ts").write_text(written.typescript(), encoding="utf-8")
    shutil.copy(HERE / "film.ts", folder)
    shutil.copy(NODE / "tsconfig.json", folder)
    run(node, tools / "typescript/bin/tsc", "--project", folder, cwd=folder)


def test_a_python_client_knows_every_route_and_finds_mistakes(described: Path) -> None:
    folder = described / "python"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"post_hooks": [], "literal_enums": True}), encoding="utf-8")
    made = ("--path", described / "openapi.json", "--output-path", folder / PACKAGE, "--meta", "none", "--config", folder / "config.json")
    said = run(sys.executable, "-m", "openapi_python_client", "generate", *made, "--fail-on-warning", cwd=folder)
    assert "WARNING" not in said.upper(), said
    (folder / "everything.py").write_text(written.python(PACKAGE), encoding="utf-8")
    shutil.copy(HERE / "film.py", folder)
    options = ("--strict", "--warn-unused-ignores", "--cache-dir", folder / "cache")
    run(sys.executable, "-m", "mypy", *options, "everything.py", "film.py", cwd=folder)
