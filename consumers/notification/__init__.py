"""notification: what decides each command, reacts to each foreign event and writes each event."""

from consumers.notification import notifications
from consumers.notification.notifications import NOTIFICATIONS
from consumers.runtime.domain import Domain
from consumers.runtime.effects import steering
from consumers.runtime.projection import create, nothing, upsert
from consumers.runtime.reactions import Reaction
from contracts import notification, render
from contracts.audit import QUARANTINED, REFUSED

DOMAIN = Domain(
    name="notification",
    tables=(NOTIFICATIONS,),
    decides={
        notification.CreateNotification: notifications.create,
        notification.ReadNotification: notifications.read,
        **steering.decides("notification"),
    },
    reacts=(
        Reaction(name="renders", on=(render.JobCompleted, render.JobFailed), make=notifications.on_ended, history="skip", unnamed=True),
    ),
    writes={
        notification.NotificationCreated: create(NOTIFICATIONS),
        notification.NotificationSeen: upsert(NOTIFICATIONS, seen=True),
        REFUSED["notification"]: nothing,
        QUARANTINED["notification"]: nothing,
        **steering.writes("notification"),
    },
)
