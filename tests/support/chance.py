"""Chance that can be had again: what a test leaves to it follows from TEST_SEED, which `make soak` changes from round to round."""

import os
import random

SEED = "TEST_SEED"


def seed() -> str:
    """The seed of this run."""
    return os.environ.get(SEED, "11")


def chance(name: object) -> random.Random:
    """Chance for one purpose, whatever else runs."""
    return random.Random(f"{seed()}/{name}")
