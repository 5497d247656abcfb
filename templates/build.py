"""Makes the demo template and the files its project uses, in a folder of the caller's."""

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from templates import landscape, sound
from templates.bundle import Theme, dot_lottie
from templates.demo import features, intro, outro, picture
from templates.demo.palette import PRESETS

_HERE = Path(__file__).parent
_STAMP = ".made-by"
_SCENES = {"intro": intro, "picture": picture, "features": features, "outro": outro}


class DemoFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where the demo's files are; `project` names the others relative to itself."""

    template: Path
    project: Path
    picture: Path
    music: Path
    voiceover: Path  # English
    voiceover_fa: Path
    sfx: Path


def build_demo(folder: Path) -> DemoFiles:
    """Make the demo's files in a folder (created when missing; 3 to 6 s) and say where they are.

    Pictures and sounds that an earlier call of the same version left there are used again.
    """
    files = DemoFiles(
        template=folder / "demo.lottie",
        project=folder / "project.json",
        picture=folder / "evening.jpg",
        music=folder / "music.m4a",
        voiceover=folder / "welcome-en.ogg",
        voiceover_fa=folder / "welcome-fa.ogg",
        sfx=folder / "whoosh.m4a",
    )
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_HERE / "demo" / "project.json", files.project)
    for clip in (files.voiceover, files.voiceover_fa):
        shutil.copyfile(_HERE / "voices" / clip.name, clip)
    reuse = _stamped(folder)
    _make(reuse, files.music, lambda target: sound.encode(sound.music(), target))
    _make(reuse, files.sfx, lambda target: sound.encode(sound.whoosh(), target))
    _make(reuse, files.picture, lambda target: landscape.paint(landscape.DUSK, target))
    default = folder / "morning.jpg"
    _make(reuse, default, lambda target: landscape.paint(landscape.DAWN, target))
    files.template.write_bytes(demo_bundle(default.read_bytes()))
    (folder / _STAMP).write_text(_version())
    return files


def demo_bundle(photo: bytes) -> bytes:
    """Return demo.lottie with a JPEG as the picture that it shows by default."""
    themes = {key: Theme(title, colours) for key, (title, colours) in PRESETS.items()}
    return dot_lottie({key: scene.document() for key, scene in _SCENES.items()}, {picture.PHOTO: photo}, themes)


def _make(reuse: bool, target: Path, write: Callable[[Path], None]) -> None:
    if not (reuse and target.exists()):
        write(target)


def _version() -> str:
    """Name the code that makes pictures and sounds."""
    return hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in ("landscape.py", "sound.py"))).hexdigest()


def _stamped(folder: Path) -> bool:
    """Tell whether a finished call of this version was here; the stamp is written last."""
    stamp = folder / _STAMP
    return stamp.exists() and stamp.read_text() == _version()


if __name__ == "__main__":
    for line in msgspec.structs.asdict(build_demo(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-files"))).items():
        print(*line, sep=": ")
