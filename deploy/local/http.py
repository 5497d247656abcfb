"""A minimal HTTP GET for readiness checks on 127.0.0.1, without a client library's import time."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

# A proxy from the environment must not be asked for addresses on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


async def get_json(url: str, timeout: float = 2.0) -> dict[str, Any] | None:
    """The JSON object that `url` answers with status 200; None for any other answer or when nobody answers (yet)."""
    return await asyncio.to_thread(_get_json, url, timeout)


async def text(url: str, timeout: float = 2.0) -> str:
    """What `url` answers, whatever its status; empty when nobody answers (yet)."""
    return await asyncio.to_thread(_text, url, timeout)


async def status(request: urllib.request.Request, timeout: float = 2.0) -> int | None:
    """The status that a request is answered with, None when nobody answers (yet)."""
    return await asyncio.to_thread(_status, request, timeout)


def _get_json(url: str, timeout: float) -> dict[str, Any] | None:
    try:
        with _opener.open(url, timeout=timeout) as answer:
            value = json.load(answer)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _text(url: str, timeout: float) -> str:
    try:
        with _opener.open(url, timeout=timeout) as answer:
            return str(answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace")
    except OSError:
        return ""


def _status(request: urllib.request.Request, timeout: float) -> int | None:
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
