"""What holds for letters that move and for an archive's files, as checks, and the changes that break them."""

import random
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from node_worker.engines.base import TemplateRefused
from node_worker.engines.lottie import names
from node_worker.engines.lottie.bundle import open_bundle
from node_worker.engines.lottie.playback import Playback, Span
from node_worker.engines.lottie.scan import digest
from node_worker.engines.lottie.text import selectors
from node_worker.engines.lottie.text.letters import Letter
from tests.mutants.checks import hold

Mutation = Callable[[], AbstractContextManager[Any]]
ORDER = [2, 0, 3, 5, 4, 7, 1, 6]
"""Of eight letters in random order, as every node has it."""


def chance_is_the_same_everywhere(folder: Path) -> None:
    """A random order is a fact of the document: another process draws the same."""
    hold(selectors._shuffled(8, "title.0").tolist() == ORDER, "letters in random order come in another order in every process")


def words_are_counted(folder: Path) -> None:
    """Half of two words is one, however many letters either has."""
    letters = [Letter(char, 0, float(place), 1.0, []) for place, char in enumerate("a word")]
    half = {"t": 0, "b": 3, "sh": 1, "r": 1, "e": {"a": 0, "k": 50}}
    share = selectors.amounts([half], letters, np.zeros(1), "")[0, :, 0]
    hold(share[0] == 1 and not share[2:].any(), "a selector of words changes letters of the second word")


def no_file_lies_outside_its_folder(folder: Path) -> None:
    """Whatever slashes a name is written with."""
    path = folder / "template.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("..\\..\\evil.json", "{}")
    with suppress(TemplateRefused):
        open_bundle(path, folder / "work" / "deep")
    hold(not list(folder.rglob("evil.json")), "an archive's file was written outside of its folder")


def a_theme_makes_other_pictures(folder: Path) -> None:
    """Segments of a scene with another first theme are others."""
    document: dict[str, Any] = {"layers": [], "assets": []}
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", '{"layers": []}')
    bundle = open_bundle(path, folder / "work")
    plain = bundle.animations[0]
    found = {
        digest(b"{}", document, one, bundle)
        for one in (
            plain,
            type(plain)(plain.key, plain.title, plain.path, Playback(), {"rules": []}),
            type(plain)(plain.key, plain.title, plain.path, Playback(speed=2.0)),
        )
    }
    hold(len(found) == 3, "scenes that are drawn otherwise have one digest")


def backwards_ends_at_the_first_picture(folder: Path) -> None:
    """Thirty frames backwards are the last to the first."""
    span = Span(Playback(mode="reverse"), 0.0, 30.0, 30.0)
    hold([span.frame(n / 30) for n in (0, 29)] == [29, 0], "an animation played backwards shows other frames than forwards")


def chance_is_left_to_chance() -> AbstractContextManager[Any]:
    """Letters are shuffled without a seed."""
    return patch.object(selectors, "_shuffled", lambda total, seed: np.array(random.sample(range(total), total), float))


def all_is_letters() -> AbstractContextManager[Any]:
    """Whatever a selector counts, letters are counted."""
    counted = selectors.counted
    return patch.object(selectors, "counted", lambda basis, letters: counted(1, letters))


def names_are_taken_as_they_are() -> AbstractContextManager[Any]:
    """What was looked at is not what is unpacked: backslashes become slashes after the look."""
    find = names.entry_name
    seen: list[str] = []

    def other(entry: zipfile.ZipInfo) -> str:
        seen.append(entry.filename)
        return find(entry) if seen.count(entry.filename) > 1 else "looked-at.json"

    return patch.object(names, "entry_name", other)


def digests_know_documents_alone() -> AbstractContextManager[Any]:
    """How an animation is played is no part of its scene's digest."""
    return patch("node_worker.engines.lottie.scan._played", lambda animation: b"")


def backwards_begins_behind_the_end() -> AbstractContextManager[Any]:
    """The frame behind the last one is shown first."""
    return patch.object(Span, "frame", lambda self, seconds: self.count - round(seconds * self.rate, 3))
