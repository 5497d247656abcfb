"""Notifications: what a tenant's people are told."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from contracts.entity import Entity, Row
from contracts.fields import Metadata
from contracts.message import Command, Event, message
from contracts.visibility import Public


class Notification(Row, frozen=True, kw_only=True):
    """Something that the tenant's people were told."""

    notification_id: Public[UUID]
    kind: Public[str]
    title: Public[str]
    body: Public[str]
    subject_id: Public[UUID]
    data: Metadata
    seen: Public[bool] = False


NOTIFICATIONS = Entity("notification.notifications", Notification, key=("notification_id",), about="in-app notifications")


class NotificationAnswer(Struct, frozen=True, kw_only=True):
    """A notification that was seen."""

    notification_id: UUID
    seen: bool


@message("notification.notification.create")
class CreateNotification(Command, frozen=True, kw_only=True):
    """Tell the tenant's people something."""

    kind: str  # e.g. "render.completed"
    title: str
    body: str
    subject_id: UUID  # the row it is about
    data: dict[str, Any] = {}


@message("notification.notification.created", public=True)
class NotificationCreated(Event, frozen=True, kw_only=True):
    """A notification waits in the app."""

    notification_id: Public[UUID]
    kind: Public[str]
    title: Public[str]
    body: Public[str]
    subject_id: Public[UUID]
    data: Metadata


@message("notification.notification.read")
class ReadNotification(Command[NotificationAnswer], frozen=True, kw_only=True):
    """A person has seen it."""

    notification_id: UUID


@message("notification.notification.seen", public=True)
class NotificationSeen(Event, frozen=True, kw_only=True):
    """A notification was seen."""

    notification_id: Public[UUID]
