"""The table of contents: what is imported when, and exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli import COMMANDS, main


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_help_imports_no_command_and_nothing_heavy() -> None:
    loaded = _python("import sys; from cli import main; main(['--help']); print('LOADED', *sys.modules)").partition("LOADED")[2].split()
    heavy = {"aiohttp", "asyncio", "asyncpg", "rich", "pydantic", "nats", "av", "numpy", "aioboto3", "faststream"}
    assert not [name for name in loaded if name.startswith("cli.commands") or name in heavy]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert name in capsys.readouterr().out


def test_an_unknown_command_is_wrong_usage_with_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rendr"]) == 2
    assert "Did you mean 'render'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--size", "big"], ["--fps", "0"], ["--quality", "best"], ["--color", "primary"], ["--color", "primary=red"], ["--set", "=x"],
     ["--music", "/no/such/file"], ["--music-volume", "3"], ["--sfx-volume", "1"], ["--url", "http://127.0.0.1:9"]],
)  # fmt: skip
def test_wrong_options_are_wrong_usage(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = tmp_path / "t.json"
    template.write_text("{}")
    assert main(["render", str(template), *options]) == 2
    assert "Error" in capsys.readouterr().err


def test_a_mistake_is_told_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--data", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("data.empty at --data: ")
    assert "Traceback" not in told


def test_verbose_shows_where_a_mistake_came_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--data", str(tmp_path), "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_folder_for_the_video_is_told_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = tmp_path / "t.json"
    template.write_text("{}")
    assert main(["render", str(template), "-o", str(tmp_path / "gone" / "film.mp4")]) == 1
    assert capsys.readouterr().err.startswith("output.folder at -o: ")
