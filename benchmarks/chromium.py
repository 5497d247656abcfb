"""A Chromium without a window, asked over its DevTools protocol: run a script in a page, take a picture of it."""

import asyncio
import base64
import contextlib
import itertools
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

START = 60.0  # seconds until Chromium listens; a busy machine needs some
ASKED = 60.0  # seconds until it answers
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # it may run as root, and shows nothing but documents that somebody measures by
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # a document that names an address is drawn without what lies there
)


class ChromiumFailed(Exception):
    """Chromium is not there, does not answer, or a script in a page failed."""


def found(given: Path | None = None) -> str:
    """The program to start. Raises ChromiumFailed."""
    path = str(given) if given else next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise ChromiumFailed("there is no Chromium; install it (Debian: apt install chromium) or name it with --chromium")
    return path


class Chromium:
    """One browser with one page; after a ChromiumFailed it is to be closed and started anew."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._folder = ""
        self._process: asyncio.subprocess.Process | None = None
        self._reading: list[asyncio.Task[None]] = []
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._session = ""

    async def start(self, script: str) -> None:
        """Start it, with a script that every page begins with. Raises ChromiumFailed."""
        self._folder = tempfile.mkdtemp(prefix="flatrender-chromium-")
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            *OPTIONS,
            f"--user-data-dir={self._folder}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START):
                address = await self._address()
        except TimeoutError:
            raise ChromiumFailed(f"{self._program} does not start within {START:.0f} s") from None
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(address, max_msg_size=0)
        self._reading.append(asyncio.create_task(self._listen()))
        target = await self._ask("Target.createTarget", {"url": "about:blank"})
        self._session = (await self._ask("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True}))["sessionId"]
        await self._ask("Page.enable")
        await self._ask("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    async def page(self, width: int, height: int) -> None:
        """Open an empty page of a size in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self._ask("Emulation.setDeviceMetricsOverride", size)
        await self._ask("Page.navigate", {"url": "about:blank"})

    async def run(self, code: str, seconds: float = ASKED) -> Any:
        """What an expression, awaited, comes to. Raises ChromiumFailed."""
        asked = {"expression": code, "awaitPromise": True, "returnByValue": True}
        answer = await self._ask("Runtime.evaluate", asked, seconds)
        if "exceptionDetails" in answer:
            told = answer["exceptionDetails"]
            raise ChromiumFailed(str(told.get("exception", {}).get("description") or told.get("text"))[:400])
        return answer["result"].get("value")

    async def picture(self, width: int, height: int) -> bytes:
        """The page as a PNG. Raises ChromiumFailed."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        return base64.b64decode((await self._ask("Page.captureScreenshot", {"format": "png", "clip": clip}))["data"])

    async def close(self) -> None:
        """End it and all that it started, and leave nothing behind."""
        for task in self._reading:
            task.cancel()
        if self._session or self._reading:
            await self._http.close()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _address(self) -> str:
        """Where it listens, as it says on its standard error; what it says afterwards is thrown away."""
        assert self._process is not None and self._process.stderr is not None
        told = b""
        while line := await self._process.stderr.readline():
            if match := re.search(rb"DevTools listening on (ws://\S+)", line):
                self._reading.append(asyncio.create_task(self._drain(self._process.stderr)))
                return match[1].decode()
            told = (told + line)[-400:]
        raise ChromiumFailed(f"{self._program} ended: {told.decode(errors='replace').strip()}")

    @staticmethod
    async def _drain(stream: asyncio.StreamReader) -> None:
        while await stream.read(65536):
            pass

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                continue
            said = message.json()
            waiting = self._answers.pop(said.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(said)
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(ChromiumFailed("Chromium has gone"))

    async def _ask(self, method: str, parameters: dict[str, Any] | None = None, seconds: float = ASKED) -> dict[str, Any]:
        number = next(self._numbers)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        asked: dict[str, Any] = {"id": number, "method": method, "params": parameters or {}}
        if self._session:
            asked["sessionId"] = self._session
        await self._socket.send_json(asked)
        try:
            async with asyncio.timeout(seconds):
                said = await waiting
        except TimeoutError:
            raise ChromiumFailed(f"no answer within {seconds:.0f} s") from None
        finally:
            self._answers.pop(number, None)
        if "error" in said:
            raise ChromiumFailed(f"{method}: {said['error'].get('message')}")
        result: dict[str, Any] = said["result"]
        return result
