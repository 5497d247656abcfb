"""Why a part ends without a result: one exception that carries a ReportFailure's facts. The codes: docs/node-protocol.md."""

import errno

from contracts.render.nodes import CrashKind
from node_worker.log import redact

LOG_TAIL = 8_000  # characters of an engine's log in a report: enough for a trace, far below a message's 64 KB
DETAIL = 2_000


class PartFailed(Exception):
    """A part cannot be done here; with `crash` something died or ran out."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        field: str = "",
        crash: CrashKind | None = None,
        signal: int = 0,
        exit_code: int = 0,
        last_frame: int = -1,
        log_tail: str = "",
        template: str = "",
        file: str = "",
        segment: str = "",
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.field, self.crash = code, field[:DETAIL], crash
        self.detail, self.log_tail = redact(detail)[:DETAIL], redact(log_tail)[-LOG_TAIL:]
        self.signal, self.exit_code, self.last_frame, self.template = signal, exit_code, last_frame, template
        self.file = file  # SHA-256 of the file that could not be had
        self.segment = segment  # content key of a stored segment that cannot be joined


def disk_full(error: BaseException) -> bool:
    """Whether the disk, or this user's share of it, has no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one exception of several tasks' that says most: a PartFailed if there is one, else the first."""
    leaves: list[BaseException] = []
    for one in group.exceptions:
        leaves.append(main_cause(one) if isinstance(one, BaseExceptionGroup) else one)
    return next((leaf for leaf in leaves if isinstance(leaf, PartFailed)), leaves[0])
