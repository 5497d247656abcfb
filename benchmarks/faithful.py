"""`python -m benchmarks.faithful PATH…`: how near a node's frames come to the reference player's, document by document."""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import platformdirs
from PIL import Image

from benchmarks import likeness, lottie_web
from benchmarks.chromium import ChromiumFailed, found
from benchmarks.drawn import Drawn, Node
from benchmarks.figures import Bound, Figure, figure, median

KINDS = (".json", ".lottie", ".zip", ".tgs")
OWN = Path(__file__).resolve().parents[1] / "tests/data/pictures"
CACHE = Path(platformdirs.user_cache_dir("flatrender", appauthor=False)) / "reference"
LIMIT = "the engine's drawing; frames that differ by the reference's own faults count as well"


class Compared(msgspec.Struct, kw_only=True):
    """One document: shares are those of the drawn pixels that differ, 0 to 1, None where one side has no picture."""

    name: str
    frames: list[int]
    shares: list[float | None]
    uploaded: list[str] = []  # codes of the warnings at upload
    drawing: list[str] = []  # and of those that only drawing told
    ours: str = ""  # why we do not draw it
    reference: str = ""  # why the reference does not, in whole or in part
    doubts: list[str] = []  # the reference's own faults that it uses

    @property
    def compared(self) -> list[float]:
        """The frames that both sides have; one that we alone lack differs wholly."""
        return [share for share in self.shares if share is not None]

    @property
    def missed(self) -> int:
        """Frames that are not right."""
        return sum(share >= likeness.ALIKE for share in self.compared)


class Options(msgspec.Struct, kw_only=True):
    """How to compare."""

    references: Path
    fonts: Path | None = None
    sheets: Path | None = None
    player: Path | None = None
    chromium: Path | None = None
    frames: tuple[int, ...] = ()
    beside: bool = False
    longest: int = lottie_web.LONGEST


def documents(paths: Sequence[Path]) -> list[Path]:
    """The documents that are named, and those in the folders that are named."""
    listed = []
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if one.suffix in KINDS) if path.is_dir() else [path]
        inside = [one for one in inside if one.suffix in KINDS]
        listed += inside
    return listed


async def compare(paths: Sequence[Path], options: Options, *, tell: bool = False) -> list[Compared]:
    """Draw and compare documents one after the other. Raises ChromiumFailed where there is nothing to compare with."""
    fonts = lottie_web.Fonts(options.fonts)
    program, script = found(options.chromium), lottie_web.player(options.player)
    reference = lottie_web.LottieWeb(program, script, fonts, options.references)
    folder = Path(tempfile.mkdtemp(prefix="flatrender-faithful-"))
    node = Node(folder, fonts.files)
    results = []
    try:
        for path in paths:
            results.append(await _compared(path, reference, node, options))
            if tell:
                print(line(results[-1]), flush=True)
    finally:
        await node.close()
        await reference.close()
        shutil.rmtree(folder, ignore_errors=True)
    return results


async def _compared(path: Path, reference: lottie_web.LottieWeb, node: Node, options: Options) -> Compared:
    try:
        folder, shown = await reference.show(path, options.frames, options.longest)
    except lottie_web.Unreadable as unreadable:
        return Compared(name=path.name, frames=[], shares=[], reference=str(unreadable))
    drawn = await node.draw(path, shown.frames, shown.size)
    if options.beside:
        _put_beside(path, folder, shown)
    shares: list[float | None] = []
    for frame, name, ours in zip(shown.frames, shown.pictures, drawn.pictures, strict=True):
        if not name:
            shares.append(None)
            continue
        with Image.open(folder / name) as opened:
            theirs = opened.convert("RGB")
        shares.append(1.0 if ours is None else likeness.unlike(ours, theirs))
        if options.sheets is not None and ours is not None:
            options.sheets.mkdir(parents=True, exist_ok=True)
            likeness.sheet(ours, theirs).save(options.sheets / f"{path.stem}-{frame:05}.png")
    return _result(path, shown, shares, drawn)


def _put_beside(path: Path, folder: Path, shown: lottie_web.Shown) -> None:
    """The reference pictures as NAME.FRAME.png beside their document; of equal ones the first."""
    for old in path.parent.glob(f"{path.stem}.[0-9]*.png"):
        old.unlink()
    seen: list[bytes] = []
    for frame, name in zip(shown.frames, shown.pictures, strict=True):
        if name:
            with Image.open(folder / name) as opened:
                picture = opened.convert("RGB")
            if picture.tobytes() not in seen:
                picture.save(path.with_name(f"{path.stem}.{frame}.png"), optimize=True)
            seen.append(picture.tobytes())


def _result(path: Path, shown: lottie_web.Shown, shares: list[float | None], drawn: Drawn) -> Compared:
    uploaded = sorted({one.code for one in drawn.uploaded})
    return Compared(
        name=path.name,
        frames=shown.frames,
        shares=shares,
        uploaded=uploaded,
        drawing=sorted({one.code for one in drawn.drawing} - set(uploaded)),
        ours=drawn.error,
        reference=shown.error,
        doubts=shown.doubts,
    )


def line(one: Compared) -> str:
    """A document in one line: the differing per cent of each frame, the warnings, what failed."""
    shares = " ".join("   - " if share is None else f"{100 * share:5.1f}" for share in one.shares)
    told = f"{', '.join(one.uploaded) or '-'}{' | drawing: ' + ', '.join(one.drawing) if one.drawing else ''}"
    failed = "".join(f" | {who}: {why}" for who, why in (("ours", one.ours), ("reference", one.reference)) if why)
    doubts = f" | doubt: {'; '.join(one.doubts)}" if one.doubts else ""
    return f"{'  ' if not one.missed and not one.ours else '! '}{one.name:44} {shares}  {told}{failed}{doubts}"


def summary(results: Sequence[Compared]) -> str:
    """Share of right frames, median, worst; and how many of the documents with misses have a warning."""
    sure = [one for one in results if not one.doubts and not one.reference]
    lines = [f"all:                              {_shares(results)}", f"without the reference's own faults: {_shares(sure)}"]
    missed = [one for one in results if one.missed or one.ours]
    warned = [one for one in missed if one.uploaded or one.drawing or one.ours]
    lines.append(f"{len(missed)} of {len(results)} documents have misses; {len(warned)} of those are warned of or refused")
    lines += [f"the reference does not show {one.name}: {one.reference}" for one in results if one.reference]
    lines += [f"we do not draw {one.name}: {one.ours}" for one in results if one.ours]
    return "\n".join(lines)


def _shares(results: Sequence[Compared]) -> str:
    every = [share for one in results for share in one.compared]
    if not every:
        return "nothing was compared"
    right = sum(share < likeness.ALIKE for share in every)
    return (
        f"{100 * right / len(every):.1f} % of {len(every)} frames lie under {100 * likeness.ALIKE:.0f} %; "
        f"median {100 * statistics.median(every):.2f} %, worst {100 * max(every):.1f} %"
    )


async def measure(quick: bool) -> list[Figure]:
    """Our own documents: the share of frames that are right, in per cent of all."""
    results = await compare(documents([OWN])[:: 4 if quick else 1], Options(references=CACHE))
    every = [share for one in results for share in one.compared]
    right = 100 * sum(share < likeness.ALIKE for share in every) / max(1, len(every))
    return [
        figure("faithful", right, "% of frames", 100.0, (Bound("ratio", least=0.95),), LIMIT),
        figure("faithful.median", 100 * median(every), "% of pixels", 0.0, (), LIMIT),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.faithful", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, default=[OWN], help="documents, or folders of them (our own documents)")
    parser.add_argument("--references", type=Path, default=CACHE, help="where reference pictures are kept and looked for")
    parser.add_argument("--fonts", type=Path, help="a folder of font files, given to both sides")
    parser.add_argument("--sheets", type=Path, help="a folder for pictures: ours, the reference, the difference")
    parser.add_argument("--json", type=Path, help="a file for all that was found")
    parser.add_argument("--frames", default="", help="the frames to compare, as 0,15,30 (five over the length)")
    parser.add_argument("--beside", action="store_true", help="put the reference pictures beside the documents, as tests want them")
    parser.add_argument("--longest", type=int, default=lottie_web.LONGEST, help="most pixels of a picture's longer side")
    parser.add_argument("--player", type=Path, help="the lottie.js to use (fetched by npm once)")
    parser.add_argument("--chromium", type=Path, help="the program to use")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; 2 where there is nothing to compare with."""
    asked = _parser().parse_args(arguments)
    frames = tuple(int(frame) for frame in asked.frames.split(",") if frame)
    options = Options(
        references=asked.references,
        fonts=asked.fonts,
        sheets=asked.sheets,
        player=asked.player,
        chromium=asked.chromium,
        frames=frames,
        beside=asked.beside,
        longest=asked.longest,
    )
    try:
        results = asyncio.run(compare(documents(asked.paths), options, tell=True))
    except ChromiumFailed as failed:
        print(failed, file=sys.stderr)
        return 2
    print(summary(results))
    if asked.json is not None:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
