"""Python's collector of reference cycles, as processes want it that serve for long."""

import gc

# New objects before the collector looks through them: at Python's 700 it is what is under way, again and again; at 20,000 the scheduler
# still spent a twentieth of its time so. What lies in cycles until then is some 10 MB at most.
YOUNG = 100_000


def relax() -> None:
    """Look through new objects more seldom, and never again through what is loaded by now: it stays for ever."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
