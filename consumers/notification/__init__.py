"""notification: what decides each command, reacts to each foreign event and writes each event."""

from consumers.notification import inbox
from consumers.notification.rows import NOTIFICATIONS
from consumers.runtime.common import WholeDomain
from consumers.runtime.reactions import Reaction
from contracts import notification, render

DOMAIN = WholeDomain(
    name="notification",
    tables=(NOTIFICATIONS,),
    decides={
        notification.CreateNotification: inbox.create,
        notification.ReadNotification: inbox.read,
    },
    reacts=(Reaction(name="renders", on=(render.JobCompleted, render.JobFailed), make=inbox.on_ended, history="skip", unnamed=True),),
    writes={
        notification.NotificationCreated: inbox.created,
        notification.NotificationSeen: inbox.seen,
    },
)
