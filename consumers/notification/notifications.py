"""In-app notifications: what a tenant's people are told, and that they have seen it."""

from consumers.runtime.domain import Answer, Context, Decision
from consumers.runtime.rules import living, missing
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.entity import carry
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.notification import notifications
from contracts.notification.notifications import (
    CreateNotification,
    NotificationAnswer,
    NotificationCreated,
    NotificationSeen,
    ReadNotification,
)
from contracts.render.jobs import JobCompleted, JobFailed

NOTIFICATIONS = Table.of(notifications.NOTIFICATIONS)


def on_ended(event: JobCompleted | JobFailed, envelope: Envelope) -> list[Command]:
    """A render has ended."""
    return on_completed(event) if isinstance(event, JobCompleted) else on_failed(event)


def on_completed(event: JobCompleted) -> list[Command]:
    """A video is there."""
    body = f"{event.frames} frames, {event.duration:.1f} seconds" + (", not all as designed" if event.degraded else "")
    told = CreateNotification(
        kind="render.completed", title="Your video is ready", body=body, subject_id=event.job_id, data={"metadata": event.metadata}
    )
    return [told]


def on_failed(event: JobFailed) -> list[Command]:
    """A video could not be made."""
    data = {"code": event.code, "field": event.field, "metadata": event.metadata}
    return [
        CreateNotification(
            kind="render.failed", title="Your video could not be made", body=event.detail, subject_id=event.job_id, data=data
        )
    ]


def create(cmd: CreateNotification, view: View, ctx: Context) -> Decision:
    """Put a notification into the app."""
    return [carry(NotificationCreated, cmd, notification_id=ctx.id("notification"))]


def read(cmd: ReadNotification, view: View, ctx: Context) -> Decision[NotificationAnswer]:
    """A person has seen it."""
    row = living(view, NOTIFICATIONS, cmd.notification_id)
    if row is None:
        return missing(NOTIFICATIONS, cmd.notification_id)
    events = [] if row.seen else [NotificationSeen(notification_id=row.notification_id)]
    return Answer(events, NotificationAnswer(notification_id=row.notification_id, seen=True))
