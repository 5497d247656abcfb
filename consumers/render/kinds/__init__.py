"""The kinds of work that nodes do."""

from consumers.render.kinds import exports, inspections, segments, snapshots
from consumers.render.leases.kind import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (segments.KIND, exports.KIND, inspections.KIND, snapshots.KIND)}
SHORT = frozenset(name for name, kind in KINDS.items() if kind.queue is not None)
"""Those that take seconds and somebody waits for, for which nodes have extra slots."""
