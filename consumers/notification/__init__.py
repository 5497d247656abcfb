"""notification: what decides each command, reacts to each foreign event and writes each event."""

from consumers.notification import inbox
from consumers.notification.rows import NOTIFICATIONS
from consumers.runtime.domain import Domain
from consumers.runtime.effects import steering
from consumers.runtime.projection import nothing
from consumers.runtime.reactions import Reaction
from contracts import notification, render
from contracts.audit import QUARANTINED, REFUSED

DOMAIN = Domain(
    name="notification",
    tables=(NOTIFICATIONS,),
    decides={
        notification.CreateNotification: inbox.create,
        notification.ReadNotification: inbox.read,
        **steering.decides("notification"),
    },
    reacts=(Reaction(name="renders", on=(render.JobCompleted, render.JobFailed), make=inbox.on_ended, history="skip", unnamed=True),),
    writes={
        notification.NotificationCreated: inbox.created,
        notification.NotificationSeen: inbox.seen,
        REFUSED["notification"]: nothing,
        QUARANTINED["notification"]: nothing,
        **steering.writes("notification"),
    },
)
