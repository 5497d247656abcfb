"""notification: what decides each command, reacts to each foreign event and writes each event."""

from consumers.notification import notifications
from consumers.notification.notifications import NOTIFICATIONS
from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, upsert
from consumers.runtime.reactions import Reaction
from contracts.notification.notifications import CreateNotification, NotificationCreated, NotificationSeen, ReadNotification
from contracts.render.jobs import JobCompleted, JobFailed

DOMAIN = WholeDomain(
    name="notification",
    tables=(NOTIFICATIONS,),
    decides={
        CreateNotification: notifications.create,
        ReadNotification: notifications.read,
    },
    reacts=(Reaction(name="renders", on=(JobCompleted, JobFailed), make=notifications.on_ended, history="skip", unnamed=True),),
    writes={
        NotificationCreated: create(NOTIFICATIONS),
        NotificationSeen: upsert(NOTIFICATIONS, seen=True),
    },
)
