"""A domain out of nothing: the guide's own words, put into a copy of the product, give a domain that works."""

import asyncio
import json
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

pytestmark = pytest.mark.timeout(120)  # it starts a product of its own, from sources that are new
ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "adding-a-domain.md"
STEP = re.compile(r"<!-- (file|behind): ([\w/.]+)(?:: (.+?))? -->\n```\w+\n(.*?)```", re.DOTALL)
PRODUCT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def built(tree: Path) -> None:
    """A copy of the product with what the guide says put into it."""
    for name in PRODUCT:
        # With what was compiled of it, which is known by its source's time; not with what is being written just now.
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    steps = STEP.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(steps) >= 7
    for what, path, anchor, text in steps:
        file = tree / path
        if what == "file":
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        else:
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            (at,) = [number for number, line in enumerate(lines) if anchor in line]
            file.write_text("".join([*lines[: at + 1], text, *lines[at + 1 :]]), encoding="utf-8")


class Desk:
    """A help desk that gives the same ticket to the same key; the first time that it is asked, it fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        self.asked.append((request.headers["Idempotency-Key"], (await request.json())["text"]))
        if len(self.asked) == 1:
            return web.Response(status=503)
        return web.json_response({"ticket": f"T-{request.headers['Idempotency-Key']}"})


async def run(tree: Path, folder: Path, desk: Desk) -> dict[str, Any]:
    """The product in the tree, with this desk; answers what it tells at the end."""
    app = web.Application()
    app.router.add_post("/tickets", desk.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/tickets"
    environ = os.environ | {"PYTHONPATH": str(tree), "FLATRENDER_FEEDBACK_DESK": url, "FLATRENDER_CHECK_EVERY": "0"}
    program = [sys.executable, "-P", str(Path(__file__).with_name("seventh.py")), str(folder)]
    try:
        child = await asyncio.create_subprocess_exec(*program, cwd=tree, env=environ, stdout=-1, stderr=-1)
        out, errors = await child.communicate()
    finally:
        await runner.cleanup()
    assert child.returncode == 0, f"{errors.decode()[-4000:]}\n{_logs(folder)}"
    told: dict[str, Any] = json.loads(out)
    return told


def _logs(folder: Path) -> str:
    return "\n".join(f"{file.name}: {file.read_text(errors='replace')[-2000:]}" for file in (folder / "logs").glob("*.log"))


async def test_a_seventh_domain_of_the_guides_own_words_decides_learns_acts_keeps_time_and_is_replayed(tmp_path: Path) -> None:
    built(tmp_path / "tree")
    desk = Desk()
    told = await run(tmp_path / "tree", tmp_path / "data", desk)
    assert told["refused"] == "feedback.text"
    key = desk.asked[0][0]
    assert desk.asked == [(key, "the music is too loud")] * 2, "an effect that failed is tried again under its key"
    assert told["note"] == {"text": "the music is too loud", "author": "Default", "ticket": f"T-{key}", "state": "closed", "version": 3}
    left, filed, refused, closed = (f"evt.feedback.{name}.v1" for name in ("note.left", "note.filed", "command.refused", "note.closed"))
    assert sorted(told["events"]) == sorted([left, filed, refused, closed]) and told["events"][0] == left
    assert told["told"]["feedback.note.filed"]["ticket"] == f"T-{key}", "the tenant's feed has the new domain's public events"
    assert [operation[2] for operation in told["operations"]] == ["done", "refused"], "read.operations shows the new domain's too"
    assert told["equal"] and told["rows"] == {"feedback.notes": 1, "feedback.tenants": 1}
    assert told["differences"] == []
    assert told["drift"] == [], "the guide's tables are what is drafted of its entities"
    assert told["users"] == ["feedback"]
