"""Hands a command on to tools that lie beside the source, and are not installed with it."""

import importlib
import sys
from collections.abc import Sequence

from cli.entry import fail
from cli.errors import Mistake


def hand_on(module: str, arguments: Sequence[str]) -> None:
    """Run `main` of a module with these arguments and end with its exit code. Raises Mistake when it is not there."""
    sys.path.insert(0, "")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        detail = f"{module.replace('.', '/')}.py is not here: it comes with the source, not with the installed package"
        raise Mistake("source.missing", detail, remedy="Run this in a clone of the repository, where the Makefile lies.") from error
    fail(found.main(list(arguments)))
