"""Short work that waits: somebody waits for it, so it has slots of its own, and tenants have them by turns."""

from uuid import UUID

from contracts.render.parts import PartKind

Entry = tuple[PartKind, UUID, UUID]  # kind, tenant, subject


class ShortQueue:
    """What waits, each tenant's in its order."""

    def __init__(self) -> None:
        self._of: dict[UUID, dict[Entry, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, kind: PartKind, tenant: UUID, subject: UUID) -> None:
        """It waits from now on."""
        self._of.setdefault(tenant, {})[kind, tenant, subject] = None

    def drop(self, kind: PartKind, tenant: UUID, subject: UUID) -> None:
        """It does not wait any more."""
        if (waiting := self._of.get(tenant)) is not None:
            waiting.pop((kind, tenant, subject), None)
            if not waiting:
                del self._of[tenant]

    def take(self) -> Entry:
        """The first of the tenant whose turn it is. Raises StopIteration when nothing waits."""
        tenant = next(iter(self._of))
        waiting = self._of.pop(tenant)
        entry = next(iter(waiting))
        del waiting[entry]
        if waiting:
            self._of[tenant] = waiting  # behind the others
        return entry
