"""Log positions as clients see them: `<epoch>.<position>`, and the bare position in the first epoch, 0."""

LONGEST = 18  # digits
PATTERN = rf"^([0-9]{{1,{LONGEST}}}\.)?[0-9]{{1,{LONGEST}}}$"


def position_text(epoch: int, position: int) -> str:
    """A position as text."""
    return f"{epoch}.{position}" if epoch else str(position)


def read_position(text: str) -> tuple[int, int]:
    """The epoch and the position in a text. Raises ValueError for anything else."""
    epoch, dot, position = text.rpartition(".")
    if not _is_number(position) or (dot and not _is_number(epoch)):
        raise ValueError("it must be a log position")
    return int(epoch or "0"), int(position)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST
