"""`python -m tests.documents.mutate --count 10000`: changed documents for real engine processes; tells every unforeseen death."""

import argparse
import asyncio
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from contracts.spec import ScannedScene, SceneSpec
from node_worker.engines import protocol
from node_worker.engines.base import Files, TemplateRefused
from node_worker.engines.host import EngineCrashed, EngineProcess
from tests.documents.mutations import packed
from tests.documents.zoo import EVERYTHING, ONE, bases

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "node_worker.engines.lottie:LottieEngine"
SIZE = (160, 90)
MOMENTS = (0.0, 0.31, 0.5, 0.99)  # of a scene's length
NOISE = {"MALLOC_PERTURB_": "165"}  # what is read before it was written is never zero by luck


class Verdict(NamedTuple):
    """How a document ended: what is foreseen, or a death."""

    kind: str  # drawn, refused, late, death
    detail: str = ""


class Bench:
    """An engine process that is asked for one document after the other, and started anew when it dies."""

    def __init__(self, folder: Path, stall: float, engine: str = ENGINE) -> None:
        self._folder, self._stall, self._kind = folder, stall, engine
        self._engine = self._new()

    def _new(self) -> EngineProcess:
        seen = {**NOISE, "PYTHONPATH": str(ROOT)}
        return EngineProcess(engine=self._kind, stall_seconds=self._stall, environment=seen, reads=(str(ROOT),))

    async def judge(self, raw: bytes) -> Verdict:
        """Upload a document and draw it, as nodes do."""
        path = self._folder / "document"
        path.write_bytes(raw)
        work = self._folder / "work"
        try:
            scene = await self._inspected(path, work)
        except TemplateRefused as refused:
            return Verdict("refused", refused.code)
        except EngineCrashed as crash:
            return Verdict("death", f"inspection: {_words(crash)}")
        if scene is None:
            return Verdict("refused", "no template")
        return await self._drawn(path, work, scene)

    async def _inspected(self, path: Path, work: Path) -> ScannedScene | None:
        found = None
        async for event in self._engine.run(protocol.Inspect(path=str(path), work=str(work))):
            if isinstance(event, protocol.Inspected) and event.inspection.scan is not None:
                found = event.inspection.scan.scenes[0]
        return found

    async def _drawn(self, path: Path, work: Path, scene: ScannedScene) -> Verdict:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        spec = SceneSpec(scene=scene.key, bundle=digest, digest=scene.digest, frames=1, duration=scene.duration)
        frames = [int(scene.duration * moment * 30) for moment in MOMENTS]
        asked: dict[str, Any] = {
            "width": SIZE[0],
            "height": SIZE[1],
            "rate_num": 30,
            "rate_den": 1,
            "background": "#FFFFFF",
        }
        try:
            for frame in dict.fromkeys(frames):
                request = protocol.DrawPicture(
                    spec=spec, files=Files({digest: str(path)}, str(work)), frame=frame, output=str(self._folder / "frame.png"), **asked
                )
                async for _ in self._engine.run(request):
                    pass
        except TemplateRefused as refused:
            return Verdict("late", refused.code)
        except EngineCrashed as crash:
            return Verdict("death", _words(crash))
        return Verdict("drawn")

    async def afresh(self) -> None:
        """Go on with a new process."""
        await self._engine.kill()
        self._engine = self._new()

    async def close(self) -> None:
        await self._engine.close()


def _words(crash: EngineCrashed) -> str:
    last = [line for line in crash.log_tail.splitlines() if "File" in line and "node_worker" in line]
    return f"{crash.kind} {crash.signal or crash.exit_code} {crash.detail[:90]} {last[0].strip()[:110] if last else ''}".strip()


class Run:
    """A number of documents, and what came of them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._bases = bases(options.bases)
        self.counts: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.deaths: list[str] = []

    async def go(self, folder: Path) -> None:
        """Judge every document of this run."""
        bench = Bench(folder, self._options.stall, self._options.engine)
        options = self._options
        begun = time.monotonic()
        try:
            for index in range(options.first, options.first + options.count):
                raw, told = made(self._bases, options.seed, index)
                verdict = await bench.judge(raw)
                self.counts[verdict.kind] += 1
                if verdict.kind in ("refused", "late"):
                    self.codes[f"{verdict.kind} {verdict.detail}"] += 1
                if verdict.kind == "death":
                    await bench.afresh()
                    alone = await bench.judge(raw)
                    self._keep(index, raw, told, verdict, alone)
                    await bench.afresh()
                if options.progress and index % 500 == 499:
                    print(f"{index + 1} {dict(self.counts)} {time.monotonic() - begun:.0f} s", flush=True)
        finally:
            await bench.close()

    def _keep(self, index: int, raw: bytes, told: list[str], verdict: Verdict, alone: Verdict) -> None:
        line = f"{index} {verdict.detail} | alone: {alone.kind} {alone.detail} | {'; '.join(told)}"
        self.deaths.append(line)
        print(f"DEATH {line}", flush=True)
        if self._options.keep is not None:
            self._options.keep.mkdir(parents=True, exist_ok=True)
            (self._options.keep / f"{self._options.seed}-{index}.json").write_bytes(raw)


def made(found: list[tuple[str, bytes]], seed: int, index: int) -> tuple[bytes, list[str]]:
    """The document of a seed and an index, always the same, and how it came about."""
    chance = random.Random(f"{seed}:{index}")
    # The few that use everything come up as often as the many with one feature, and those as often as a folder's.
    kinds = [[one for one in found if one[0].endswith(end)] for end in (EVERYTHING, ONE, ".json")]
    name, raw = chance.choice(chance.choice([kind for kind in kinds if kind]))
    changed, told = packed(raw, chance)
    return changed, [name, *told]


def parser() -> argparse.ArgumentParser:
    """What can be chosen."""
    chosen = argparse.ArgumentParser("python -m tests.documents.mutate", description=__doc__)
    chosen.add_argument("--count", type=int, default=1000, help="documents (1000)")
    chosen.add_argument("--first", type=int, default=0, help="the first one's number, to go on with a run (0)")
    chosen.add_argument("--seed", type=int, default=1, help="of the changes (1)")
    chosen.add_argument("--stall", type=float, default=10.0, help="seconds without a word that are a hang (10)")
    chosen.add_argument("--engine", default=ENGINE, help="the engine's module and class")
    chosen.add_argument("--bases", type=Path, default=None, help="a folder of real documents to change beside our own")
    chosen.add_argument("--keep", type=Path, default=None, help="a folder for the documents that ended an engine")
    chosen.add_argument("--progress", action="store_true", help="tell how far it is")
    chosen.add_argument("--again", type=Path, nargs="*", default=(), help="judge these files instead, each in a new process")
    return chosen


async def again(files: Sequence[Path], folder: Path, stall: float) -> int:
    """Judge files as they are; how many of them ended an engine."""
    bench, deaths = Bench(folder, stall), 0
    for file in files:
        verdict = await bench.judge(file.read_bytes())
        deaths += verdict.kind == "death"
        print(f"{file.name}: {verdict.kind} {verdict.detail}", flush=True)
        await bench.afresh()
    await bench.close()
    return deaths


def main(argv: Sequence[str] | None = None) -> int:
    """Change, ask, count; 1 when an engine died unforeseen."""
    options = parser().parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="documents-"))
    try:
        if options.again:
            return 1 if asyncio.run(again(options.again, folder, options.stall)) else 0
        run = Run(options)
        asyncio.run(run.go(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        json.dumps({"counts": run.counts, "codes": run.codes.most_common(40), "deaths": len(run.deaths), "load": os.getloadavg()}, indent=1)
    )
    return 1 if run.deaths else 0


if __name__ == "__main__":
    sys.exit(main())
