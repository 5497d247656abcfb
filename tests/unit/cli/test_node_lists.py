"""Lists on the command line: a table, JSON lines, and how nodes are named."""

import asyncio
import json
from typing import Any

import pytest

from cli import main
from cli.commands.nodes import CRASHES, LIST, _node
from cli.errors import Mistake
from cli.tables import line, show, size, when

NODES = [{"node_id": f"id-{number}", "name": name} for number, name in enumerate(("north", "south", "south"))]


class Api:
    async def rows(self, path: str) -> list[dict[str, Any]]:
        assert path == "/v1/nodes"
        return NODES


def shown(rows: list[dict[str, Any]], capsys: Any, *, json: bool = False) -> str:
    async def look() -> list[dict[str, Any]]:
        return rows

    columns = {"name": lambda row: row["name"], "n": lambda row: str(row["n"])}
    asyncio.run(show(look, columns, json=json, watch=False, empty="nothing here"))
    return str(capsys.readouterr().out)


def test_a_table_has_headings_and_columns_that_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown([{"name": "a", "n": 10}, {"name": "long", "n": 2}], capsys) == "name  n\na     10\nlong  2\n"


def test_nothing_is_told_in_words_and_to_programs_by_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown([], capsys) == "nothing here\n"
    assert shown([], capsys, json=True) == ""


def test_a_program_gets_whole_rows(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "n": 1, "more": [1]}]
    assert [json.loads(text) for text in shown(rows, capsys, json=True).splitlines()] == rows


def test_a_node_is_found_by_name_or_id_and_a_shared_name_asks_for_the_id() -> None:
    api = Api()
    assert asyncio.run(_node(api, "north")) == asyncio.run(_node(api, "id-0")) == NODES[0]
    with pytest.raises(Mistake, match="2 nodes are called south: id-1, id-2"):
        asyncio.run(_node(api, "south"))
    with pytest.raises(Mistake, match="there are: north, south, south"):
        asyncio.run(_node(api, "west"))


def test_sizes_moments_and_long_words_are_short() -> None:
    assert [size(count) for count in (0, 999, 1500, 81_300_000_000, 10**15)] == ["0 B", "999 B", "1.5 KB", "81.3 GB", "1000 TB"]
    assert when("at")({"at": "2031-05-01T02:00:00.5+02:00"}) == "2031-05-01 00:00:00"
    assert line("first\n" + "x" * 100) == "x" * 59 + "…" and line("") == ""


def test_a_dead_daemon_is_shown_by_what_its_successor_said() -> None:
    row = {"kind": "daemon_death", "log_tail": "the daemon died\n{}\n{}"}
    assert CRASHES["last words"](row) == "the daemon died"
    assert CRASHES["last words"]({**row, "kind": "engine_crash"}) == "{}"
    assert "reason" in LIST


@pytest.mark.parametrize("words", [["list"], ["drain", "north"], ["crashes"], ["health", "north"]])
def test_without_a_service_the_commands_say_what_to_do(words: list[str], tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nodes", *words, "--data", str(tmp_path)]) == 1
    assert "no FlatRender runs here" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_address_without_a_key_is_wrong_usage() -> None:
    assert main(["nodes", "list", "--url", "http://127.0.0.1:9"]) == 2
