"""Every command that the documents tell people to run, run."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from templates.build import DemoFiles

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
MARKED = re.compile(r"<!-- run -->\n```console\n(.*?)```", re.DOTALL)
LINES = {  # each once, whichever documents tell it
    line: f"{path.name}: {line[13:50]}"
    for path in DOCUMENTS
    for block in MARKED.findall(path.read_text(encoding="utf-8"))
    for line in block.splitlines()
}
COMMANDS = [pytest.param(line.removeprefix("$ "), id=name) for line, name in LINES.items()]

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def stack(commands_stack: Stack) -> Stack:
    """The whole product, for these files alone."""
    return commands_stack


@pytest.fixture(scope="module")
def folder(demo: DemoFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's files and `flatrender` on the PATH."""
    place = tmp_path_factory.mktemp("folder")
    shutil.copytree(demo.project.parent, place, dirs_exist_ok=True)
    launcher = place / "bin" / "flatrender"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n')
    launcher.chmod(0o755)
    return place


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_in_the_documents_does_what_it_says(command: str, stack: Stack, folder: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FLATRENDER_URL": stack.url,
        "FLATRENDER_API_KEY": stack.api_key,
    }
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        _quick(command.replace("DATA", str(stack.data))),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    film = re.search(r"-o (\S+)", command)
    assert film is None or (folder / film[1]).stat().st_size > 1000


def _quick(command: str) -> str:
    """What a document shows, with few and small frames (the last of two options counts): what takes time is drawing."""
    draws = "flatrender render" in command and "--list" not in command
    return command + " --size 320x180 --fps 5 --quality draft" if draws else command


def test_documents_have_commands_to_run() -> None:
    assert len(COMMANDS) >= 8
