"""The notification domain's event tables (migration 14)."""

from typing import Any
from uuid import UUID

from consumers.runtime.table import Row, Table


class Notification(Row, frozen=True, kw_only=True):
    """What people are told in the app."""

    id: UUID
    kind: str
    title: str
    body: str
    subject_id: UUID
    data: dict[str, Any]
    seen: bool = False


NOTIFICATIONS = Table("notification.notifications", Notification, ("id",))
