"""notification: what decides each command, reacts to each foreign event and writes each event."""

from consumers.notification import notifications
from consumers.notification.notifications import NOTIFICATIONS
from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, upsert
from consumers.runtime.reactions import Reaction
from contracts import notification, render

DOMAIN = WholeDomain(
    name="notification",
    tables=(NOTIFICATIONS,),
    decides={
        notification.CreateNotification: notifications.create,
        notification.ReadNotification: notifications.read,
    },
    reacts=(
        Reaction(name="renders", on=(render.JobCompleted, render.JobFailed), make=notifications.on_ended, history="skip", unnamed=True),
    ),
    writes={
        notification.NotificationCreated: create(NOTIFICATIONS),
        notification.NotificationSeen: upsert(NOTIFICATIONS, seen=True),
    },
)
