"""What this machine has beside its engine: memory for each slot, fonts, and what its operator calls it."""

import shutil
import subprocess

import psutil

from adapters.settings import Settings
from contracts.render.nodes import Capabilities
from node_worker.cage.guards import Guard
from node_worker.slots import SHORT_SLOTS

FONT_LIST = ("fc-list", "--format", "%{family}\n")
WITHIN = 10.0  # seconds
MOST_FONTS = 1000


def capabilities(settings: Settings, guards: tuple[Guard, ...] = ()) -> Capabilities:
    """Look at the machine; takes up to a second where many fonts are installed."""
    return Capabilities(
        memory=psutil.virtual_memory().total // settings.node_slots,
        fonts=tuple(sorted(_words(settings.node_fonts) | _installed())[:MOST_FONTS]),
        labels=tuple(sorted(_words(settings.node_labels))),
        short_slots=SHORT_SLOTS,
        guards=tuple(guard.name for guard in guards if guard.up),
    )


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}


def _installed() -> set[str]:
    """Font families that fontconfig knows; none where it is not installed: FLATRENDER_NODE_FONTS names them then."""
    program = shutil.which(FONT_LIST[0])
    if program is None:
        return set()
    try:
        listed = subprocess.run([program, *FONT_LIST[1:]], capture_output=True, text=True, timeout=WITHIN, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return {family.strip() for line in listed.splitlines() for family in line.split(",") if family.strip()}
