"""Python's collector of reference cycles, as processes want it that serve for long."""

import gc

# New objects before the collector looks through them by itself: at Python's 700 it is what is under way, again and again; at 20,000 the
# scheduler still spent a twentieth of its time so, and at 100,000 the render domain a tenth, as it is at the height of a batch that so many
# are there. What lies in cycles until then is some 40 MB at most.
YOUNG = 400_000
MANY = 10_000  # new objects after which it is time, once few are under way


def relax() -> None:
    """Look through new objects more seldom, and never again through what is loaded by now: it stays for ever."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)


def tidy() -> None:
    """Look through the new objects, if they are many: for a moment when few are under way, as looking costs by what is alive."""
    if gc.get_count()[0] > MANY:
        gc.collect(0)
