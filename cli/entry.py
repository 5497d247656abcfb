"""Finds the command that was asked for, imports it, runs it, and turns what goes wrong into a clear text and an exit code."""

import importlib
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

VERBOSE = "--verbose"
EPILOG = f"{VERBOSE}, after any command, shows log lines, and the traceback of an error. Start with: flatrender demo"

Table = Mapping[str, tuple[str, str]]  # command to (module, what it is for)


class Contents(TyperGroup):
    """A group that knows its commands' names and purposes, and imports one only to run it."""

    def __init__(self, table: Table) -> None:
        stubs: dict[str, Any] = {name: TyperCommand(name, help=purpose) for name, (_, purpose) in table.items()}
        # Plain help: importing what draws boxes would cost more than all the rest.
        super().__init__(name="flatrender", commands=stubs, help=_HELP, epilog=EPILOG, no_args_is_help=True, rich_markup_mode=None)
        self._table = table

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self._table:
            command = typer.main.get_command(importlib.import_module(self._table[name][0]).app)
            command.help = command.help or self._table[name][1]
        return name, command, rest


_HELP = "Turns designers' templates (Lottie, .lottie) into finished videos: on this machine, or on a farm of render nodes."


def enter(arguments: Sequence[str], table: Table) -> int:
    """Run one command; returns the exit code."""
    verbose = VERBOSE in arguments or os.environ.get("FLATRENDER_VERBOSE") == "1"
    arguments = [argument for argument in arguments if argument != VERBOSE]
    logging.basicConfig(level=logging.INFO if verbose else logging.CRITICAL, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return _code(Contents(table).main(args=arguments or ["--help"], prog_name="flatrender", standalone_mode=True))
    except SystemExit as end:
        return _code(end.code)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        return _told(error, verbose)


def _told(error: Exception, verbose: bool) -> int:
    from cli.errors import Mistake
    from cli.running import Stopped
    from deploy.local.errors import StackError

    if isinstance(error, Stopped):
        print("stopped", file=sys.stderr)
        return 128 + error.signal_number
    if verbose:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, Mistake):
        print("\n".join(error.lines), file=sys.stderr)
    elif isinstance(error, StackError):
        print(error, file=sys.stderr)
    else:
        print(f"Something went wrong that should not: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"Run it again with {VERBOSE} to see where, and report that.", file=sys.stderr)
    return 1


def _code(code: object) -> int:
    return code if isinstance(code, int) else 0 if code is None else 1


def fail(code: int = 1) -> NoReturn:
    """End the command with an exit code when all has been said already."""
    raise typer.Exit(code)
