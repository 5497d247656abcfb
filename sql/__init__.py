"""SQL by name: each statement stands in a .sql file under a `-- name: …` line with a sentence that says what it is for."""

import re
from functools import cache
from importlib.resources import files
from types import SimpleNamespace
from typing import Final

BY_KEY: Final = dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off")
"""Settings of a session whose statements find rows by key and read pages in order.

Their plans are kept, and one made while a table was small must not read all of it when it has grown.
"""
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load(folder: str) -> SimpleNamespace:
    """Read every .sql file of a folder below sql/; each named statement becomes an attribute. Raises ValueError for a name given twice."""
    found: dict[str, str] = {}
    for file in sorted(files(__name__).joinpath(folder).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        pieces = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
            if name in found:
                raise ValueError(f"sql/{folder}/{file.name}: {name} is there already")
            found[name] = text.strip().rstrip(";")
    return SimpleNamespace(**found)
