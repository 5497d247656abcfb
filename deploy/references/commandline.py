"""docs/reference/cli.md: the commands of `flatrender` with their arguments and options."""

import importlib
from collections.abc import Iterator
from typing import Any

import typer

import cli
from deploy.references.sources import HEAD, table

_ABOUT = f"""# The command `flatrender`

{HEAD}
Exit codes: 0 done, 1 failed, 2 wrong usage, 128 and the signal's number when stopped. `--verbose` after any command shows log lines.
"""


def document() -> str:
    """The whole text."""
    parts = [_ABOUT, table(("command", "purpose"), [(f"`{name}`", purpose) for name, (_, purpose) in cli.COMMANDS.items()])]
    for name, (module, purpose) in cli.COMMANDS.items():
        command = typer.main.get_command(importlib.import_module(module).app)
        parts += _described(f"flatrender {name}", command, purpose)
    return "\n".join(parts)


def _described(name: str, command: Any, purpose: str) -> Iterator[str]:
    yield f"## {name}\n\n{' '.join((command.help or purpose).split())}\n"
    params = [param for param in command.params if "--help" not in param.opts and not getattr(param, "hidden", False)]
    if params:
        yield table(("argument or option", "default", "meaning"), [_param(param) for param in params])
    for each, inner in getattr(command, "commands", {}).items():
        yield from _described(f"{name} {each}", inner, "")


def _param(param: Any) -> tuple[str, str, str]:
    if param.param_type_name == "argument":
        named = f"`{param.metavar or param.name.upper()}`"
    else:
        flags = ", ".join((*param.opts, *param.secondary_opts))
        named = f"`{flags}`" if param.is_flag else f"`{flags} {param.metavar or _bounds(param) or param.name.upper()}`"
    said = " ".join((getattr(param, "help", None) or "").split())
    if param.envvar:
        said = f"{said} Also `{param.envvar}`.".strip()
    shown = "" if param.default in (None, False, (), []) or callable(param.default) else f"`{param.default}`"
    return named, "required" if param.required else shown, said


def _bounds(param: Any) -> str:
    return f"{param.min}..{param.max}" if None not in (param.min, param.max) else ""
