from uuid import uuid4

from consumers.notification import DOMAIN
from consumers.notification.notifications import NOTIFICATIONS, on_ended
from contracts.envelope import first
from contracts.notification.notifications import ReadNotification
from contracts.render.jobs import JobCompleted, JobFailed
from tests.support.domain_harness import DomainHarness, kinds, refused

DONE = JobCompleted(
    job_id=uuid4(), object_key="o", sha256="s", bytes=1, frames=30, duration=1.0, packets_sha256="p", degraded=True, metadata={"order": 7}
)


def test_a_finished_video_is_told_with_its_metadata() -> None:
    harness = DomainHarness(DOMAIN)
    [command] = on_ended(DONE, first(DONE))
    [event] = harness.do(command)
    row = harness.row(NOTIFICATIONS, event.notification_id)
    assert (row.kind, row.subject_id, row.seen) == ("render.completed", DONE.job_id, False)
    assert row.data["metadata"] == {"order": 7} and "not all as designed" in row.body


def test_a_failed_video_is_told_with_its_reason() -> None:
    lost = JobFailed(job_id=uuid4(), code="font.no_glyph", detail="no font has this", field="frl_title")
    [command] = on_ended(lost, first(lost))
    assert (command.body, command.data["code"], command.data["field"]) == ("no font has this", "font.no_glyph", "frl_title")


def test_a_notification_is_seen_once() -> None:
    harness = DomainHarness(DOMAIN)
    [command] = on_ended(DONE, first(DONE))
    [event] = harness.do(command)
    assert kinds(harness.do(ReadNotification(notification_id=event.notification_id))) == ["NotificationSeen"]
    assert kinds(harness.do(ReadNotification(notification_id=event.notification_id))) == []
    assert harness.row(NOTIFICATIONS, event.notification_id).seen is True


def test_an_unknown_notification_is_not_found() -> None:
    assert refused(DomainHarness(DOMAIN).do(ReadNotification(notification_id=uuid4()))) == "notification.not_found"
