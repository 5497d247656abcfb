"""A slice of the changed documents, and that a death among them is told."""

import argparse
from pathlib import Path

from tests.documents.mutate import Run, made, parser
from tests.documents.zoo import bases


# Of this seed none has an expression without an end, which takes its five seconds each; those are for the long run.
def options(count: int, *more: str) -> argparse.Namespace:
    return parser().parse_args(["--count", str(count), "--seed", "28", *more])


async def test_no_changed_document_ends_an_engine_unforeseen(tmp_path: Path) -> None:
    run = Run(options(60))
    await run.go(tmp_path)
    assert run.deaths == []
    assert run.counts["drawn"] > 10 and run.counts["refused"] > 10


async def test_a_death_is_told(tmp_path: Path) -> None:
    run = Run(options(1, "--first", "1", "--engine", "tests.mutants.documents:Fragile"))
    await run.go(tmp_path)
    assert run.deaths and "signal 11" in run.deaths[0]


def test_a_seed_and_a_number_give_the_same_document_always() -> None:
    found = bases()
    assert made(found, 3, 7) == made(found, 3, 7)
    assert made(found, 3, 7) != made(found, 3, 8)
