"""What the makers of segments and films tell while they work."""


class Progress:
    """Does nothing; override what is of interest."""

    def drawing(self, frame: int) -> None:
        """A frame is about to be drawn."""

    def drawn(self, frame: int) -> None:
        """A frame was drawn and converted, or joined to the film."""

    def alive(self) -> None:
        """Encoding goes on though nothing is drawn; called from other threads."""
