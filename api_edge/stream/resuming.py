"""Positions that clients come back with: of this epoch, or of one before a restore, as far as both logs are the same."""

from api_edge.edge import Edge
from api_edge.errors import Refused, unavailable
from api_edge.handlers.reader import Head
from contracts.positions import position_text, read_position


def behind(head: Head, text: str, field: str) -> int:
    """The position in this log that a client's text means. Raises ValueError for no position, Refused for one of a log that is no more."""
    epoch, position = read_position(text)
    if epoch > head.epoch:
        raise not_of_this_log(head, field)
    if epoch < head.epoch and position > (last := head.shared[epoch]):
        begin = position_text(head.epoch, last)
        detail = (
            f"The log was restored from a backup. What followed position {last} is not in it any more, and other events follow there now; "
            f"begin behind {begin}, and read again what was kept of later ones."
        )
        raise Refused("log.restored", detail, field)
    return position


def not_of_this_log(head: Head, field: str) -> Refused:
    """A position that was never given out."""
    end = position_text(head.epoch, head.position)
    detail = f"The log is at position {end}; this one is not of this log. Begin behind that, or without one."
    return Refused("request.parameter", detail, field)


async def resumed(edge: Edge, text: str, field: str) -> int:
    """The position behind which a stream goes on. Raises ValueError, and Refused also for what is beyond the end of the log."""
    if edge.feed is None:
        raise unavailable("feed")
    head = edge.feed.head
    epoch, position = read_position(text)
    # An answer may have named a position that the feed has not heard of yet.
    if epoch > head.epoch or position > edge.feed.position:
        if edge.reader is None:
            raise unavailable("database")
        head = await edge.reader.head()
    found = behind(head, text, field)
    if found > max(head.position, edge.feed.position):
        raise not_of_this_log(head, field)
    return found
