"""SQL by name: each statement stands in a .sql file under a `-- name: …` line with a sentence that says what it is for."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import SimpleNamespace
from typing import Final

BY_KEY: Final = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
"""Settings of a session whose statements find rows by key and read pages in order.

Their plans are kept, and one made while a table was small must not read all of it when it has grown.
"""
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def below(folder: Traversable) -> Iterator[Traversable]:
    """Every .sql file of a folder and of the folders in it."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from below(entry)
        elif entry.name.endswith(".sql"):
            yield entry


@cache
def load(folder: str) -> SimpleNamespace:
    """Read every .sql file below a folder of sql/; each named statement becomes an attribute. Raises ValueError for a name given twice."""
    found: dict[str, str] = {}
    for file in below(files(__name__).joinpath(folder)):
        pieces = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
            if name in found:
                raise ValueError(f"sql/{folder}/{file.name}: {name} is there already")
            found[name] = text.strip().rstrip(";")
    return SimpleNamespace(**found)
