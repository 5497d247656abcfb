"""The log: one order over all domains' events, its hash chain, its window EVENTS, its archives. Owns schema `log`."""

from consumers.log.archive import Archiver
from consumers.log.log_reader import LogDamaged, read, verify_chain
from consumers.log.sequencer import Sequencer
from consumers.log.window import WindowBroken
from contracts.runs import LogEvent

__all__ = ["Archiver", "LogDamaged", "LogEvent", "Sequencer", "WindowBroken", "read", "verify_chain"]
