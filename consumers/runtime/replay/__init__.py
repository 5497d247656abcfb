"""Replay: the log projected once more into empty tables, by the same declarations, and the result compared with the live ones."""

from consumers.runtime.replay.compare import Hashes, compare, hashes
from consumers.runtime.replay.projector import Projector, Spans
from consumers.runtime.replay.report import Difference, Report, TableReport

__all__ = ["Difference", "Hashes", "Projector", "Report", "Spans", "TableReport", "compare", "hashes"]
