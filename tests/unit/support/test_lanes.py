"""Which file a lane takes next."""

from tests.support.lanes import choice, need_of

NEEDS = {
    "tests/e2e/test_a.py": "tests/e2e/test_a.py",
    "tests/e2e/test_b.py": "a stack",
    "tests/unit/test_c.py": "",
    "tests/store/test_d.py": "servers",
    "tests/e2e/test_e.py": "a stack",
}


def next_ones(mine: set[str], elsewhere: set[str]) -> list[str]:
    """In which order a lane takes all of them, alone."""
    needs, taken = dict(NEEDS), []
    while needs:
        path = choice(needs, mine, elsewhere)
        taken.append(path[-4])
        mine = mine | {needs.pop(path)}
    return taken


def test_a_lane_takes_what_its_servers_are_there_for_and_short_ones_after_all_that_is_long() -> None:
    assert next_ones(set(), set()) == ["a", "b", "e", "d", "c"]
    assert next_ones({"servers"}, set()) == ["d", "a", "b", "e", "c"]


def test_what_another_lane_has_servers_for_is_taken_last() -> None:
    assert next_ones({"servers"}, {"a stack"}) == ["d", "a", "c", "b", "e"]


def test_what_a_file_needs_is_seen_by_its_place_and_its_text() -> None:
    assert need_of("tests/unit/support/test_lanes.py") == ""
    assert need_of("tests/store/edge/test_edge.py") != need_of("tests/store/test_batch.py") == need_of("tests/mutants/test_mutants.py")
    assert need_of("tests/e2e/test_frozen.py") == need_of("tests/e2e/test_tenants.py") == "a stack"
    assert need_of("tests/e2e/test_cli.py") == need_of("tests/e2e/test_docs_commands.py") == "a stack for commands"
    assert need_of("tests/e2e/test_kills.py") == need_of("tests/e2e/test_farm_faults.py") == "the processors"
    for path in ("tests/e2e/test_joining.py", "tests/e2e/test_upgrade.py"):  # bring their own
        assert need_of(path) == path
