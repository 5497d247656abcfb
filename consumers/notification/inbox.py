"""In-app notifications: what a tenant's people are told, and that they have seen it."""

from collections.abc import Iterable
from typing import Any

from consumers.notification.rows import NOTIFICATIONS
from consumers.runtime.domain import Answer, Context, Decision, refuse
from consumers.runtime.projection import fresh, moved
from consumers.runtime.state import View
from consumers.runtime.table import Row, Table
from contracts.envelope import Envelope
from contracts.message import Command
from contracts.notification import CreateNotification, NotificationAnswer, NotificationCreated, NotificationSeen, ReadNotification
from contracts.render import JobCompleted, JobFailed


def on_ended(event: JobCompleted | JobFailed, envelope: Envelope) -> list[Command]:
    """A render has ended."""
    return on_completed(event) if isinstance(event, JobCompleted) else on_failed(event)


def on_completed(event: JobCompleted) -> list[Command]:
    """A video is there."""
    body = f"{event.frames} frames, {event.duration:.1f} seconds" + (", drawn without its expressions" if event.degraded else "")
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
    values = {name: getattr(cmd, name) for name in cmd.__struct_fields__}
    return [NotificationCreated(notification_id=ctx.id("notification"), **values)]


def read(cmd: ReadNotification, view: View, ctx: Context) -> Decision[NotificationAnswer]:
    """A person has seen it."""
    row = view.get(NOTIFICATIONS, cmd.notification_id)
    if row is None:
        return refuse("notification.not_found", f"there is no notification {cmd.notification_id}", "notification_id")
    events = [] if row.seen else [NotificationSeen(notification_id=row.id)]
    return Answer(events, NotificationAnswer(notification_id=row.id, seen=True))


def created(event: NotificationCreated, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """The row's key is `id`, as its name is fixed."""
    names = ("kind", "title", "body", "subject_id", "data")
    yield NOTIFICATIONS, fresh(NOTIFICATIONS, envelope, {"id": event.notification_id, **{name: getattr(event, name) for name in names}})


def seen(event: NotificationSeen, envelope: Envelope, view: View) -> Iterable[tuple[Table[Any], Row]]:
    """Seen once is seen."""
    row = view.get(NOTIFICATIONS, event.notification_id)
    assert row is not None, "only an existing notification is seen"
    yield NOTIFICATIONS, moved(row, envelope, seen=True)
