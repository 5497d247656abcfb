"""The options by which a person says on the command line what a film is to be."""

from pathlib import Path
from typing import Annotated, Any

import typer

VALUES, SOUNDS, LOOK = "Values", "Sounds", "Look"


def _file(name: str, help: str, panel: str | None = None) -> Any:
    return typer.Option(name, exists=True, dir_okay=False, readable=True, metavar="FILE", help=help, rich_help_panel=panel)


def _volume(name: str) -> Any:
    return typer.Option(name, min=0.0, max=2.0, metavar="0..2", help="Its volume; 1 leaves it as it is.", rich_help_panel=SOUNDS)


def _many(name: str, metavar: str, help: str, *more: str) -> Any:
    return typer.Option(name, *more, metavar=metavar, help=f"{help} May be repeated.", rich_help_panel=VALUES)


def _look(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=LOOK)


TemplatePath = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A .lottie, a Lottie .json or a zip of them.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="OUT.mp4", help="The video; without it TEMPLATE.mp4 in this folder.")
]
ProjectPath = Annotated[Path | None, _file("--project", "A project file (JSON) with scenes, values, sounds and look.")]
Settings = Annotated[list[str] | None, _many("--set", "SCENE.ELEMENT=VALUE", r"Words (\n for a new line), a picture's path or #RRGGBB.")]
Fits = Annotated[list[str] | None, _many("--fit", "SCENE.ELEMENT=contain|crop|fill", "How a picture lies in its place.")]
Directions = Annotated[list[str] | None, _many("--direction", "SCENE.ELEMENT=auto|ltr|rtl", "Which way a text reads.")]
Colours = Annotated[list[str] | None, _many("--color", "SLOT=#RRGGBB", "A colour of the whole video.", "--colour")]
Preset = Annotated[str | None, typer.Option("--preset", help="One of the template's sets of colours.", rich_help_panel=VALUES)]
Music = Annotated[Path | None, _file("--music", "A sound that repeats to the end.", SOUNDS)]
MusicVolume = Annotated[float | None, _volume("--music-volume")]
Voiceover = Annotated[Path | None, _file("--voiceover", "A voice, from the beginning.", SOUNDS)]
VoiceoverVolume = Annotated[float | None, _volume("--voiceover-volume")]
Sfx = Annotated[Path | None, _file("--sfx", "An effect, at the beginning.", SOUNDS)]
SfxVolume = Annotated[float | None, _volume("--sfx-volume")]
Fonts = Annotated[list[Path] | None, _file("--font", "A font file, asked before the service's own. May be repeated.", LOOK)]
Size = Annotated[str | None, _look("--size", "WxH", "Pixels, as in 1280x720; without it the template's own.")]
Fps = Annotated[str | None, _look("--fps", "RATE", "Frames per second: 30, 29.97, 30000/1001; without it the template's own.")]
Quality = Annotated[str | None, _look("--quality", "draft|standard|high", "How much is spent on each frame.")]
Background = Annotated[str | None, _look("--background", "#RRGGBB", "Where the template paints nothing.")]
JustList = Annotated[bool, typer.Option("--list", help="Only show what can be changed in the template.")]
JustCheck = Annotated[bool, typer.Option("--check", help="Only tell what the video would be, and what in it will not look as meant.")]
