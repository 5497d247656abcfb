"""What a kind's functions do is taken as an answer that can be kept and told, or as an error: it never ends more than the one effect."""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from contracts.message import MAX_BODY, Command, Report, encode, type_of
from contracts.personal import is_personal

T = TypeVar("T")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes U+0000, which PostgreSQL cannot keep


class Untellable(ValueError):
    """These commands cannot be kept, or no stream would take them."""


async def called(work: Awaitable[T]) -> T:
    """What a function answers. Whatever it raises is an Exception, but for the cancellation of this very task by somebody else."""
    try:
        return await work
    except (Exception, GeneratorExit):
        raise
    except BaseException as error:  # left alone it would end the task without a word, or the process
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise RuntimeError(f"it raised {type(error).__name__}, and nobody had asked it to end") from error


def tellable(commands: Sequence[Command]) -> Sequence[Command]:
    """The commands, if they can be kept and published. Raises Untellable."""
    for command in commands:
        if not isinstance(command, Command) or isinstance(command, Report):
            raise Untellable(f"a {type(command).__name__} is no command that reports an effect")
        name = type_of(command).full_name
        if is_personal(name):
            raise Untellable(f"{name} holds what is personal, which does not wait in an effect's row: let the effect publish it by itself")
        try:
            body = encode(command)
        except (TypeError, ValueError, OverflowError) as error:
            raise Untellable(f"{name} cannot be written as JSON: {error}") from error
        if len(body) > MAX_BODY:
            raise Untellable(f"{name} has {len(body)} bytes, a message at most {MAX_BODY}; store what is large as an object")
        if _NUL.search(body):
            raise Untellable(f"{name} holds the character U+0000, which cannot be kept")
    return commands
