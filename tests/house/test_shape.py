"""The shape of the code: small modules that say what they are, and imports along the arrows of the house."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("adapters", "api_edge", "cli", "consumers", "contracts", "deploy", "node_worker", "producers", "sql", "templates")
FILES = sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
LONGEST, MEDIAN, LONGEST_FUNCTION = 400, 90, 60
Function = ast.FunctionDef | ast.AsyncFunctionDef


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_modules_are_small() -> None:
    sizes = {str(file.relative_to(ROOT)): lines(file) for file in FILES}
    assert {name: size for name, size in sizes.items() if size > LONGEST} == {}
    assert statistics.median(size for size in sizes.values() if size > 1) < MEDIAN


def test_functions_are_short() -> None:
    found = {}
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, Function) and node.end_lineno and (size := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION:
                found[f"{file.relative_to(ROOT)}:{node.name}"] = size
    assert found == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(file.relative_to(ROOT)) for file in FILES if lines(file) and not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_imports_follow_the_arrows_of_the_house() -> None:
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_test_files_have_names_of_their_own() -> None:
    # pytest imports files of folders without __init__.py by their bare names.
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
