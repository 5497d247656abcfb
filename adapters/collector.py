"""Python's collector of reference cycles, as processes want it that serve for long."""

import gc

# New objects before the collector looks through them: at Python's 700 it is what is under way, again and again.
YOUNG = 20_000


def relax() -> None:
    """Look through new objects more seldom, and never again through what is loaded by now: it stays for ever."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
