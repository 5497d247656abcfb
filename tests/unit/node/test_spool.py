"""Reports survive on disk, in order, each whole or not at all."""

from uuid import uuid4

from contracts.envelope import first
from contracts.node import RegisterNode, ReportExport
from node_worker.spool import Spool


def export(frames):
    return ReportExport(part_id=uuid4(), epoch=1, object_key="o", sha256="s", bytes=1, frames=frames, duration=1.0, packets_sha256="p")


def test_what_was_written_is_read_in_order_with_its_envelope(tmp_path):
    spool = Spool(tmp_path)
    written = [(report, first(report)) for report in map(export, range(12))]
    paths = [spool.write(report, envelope) for report, envelope in written]
    assert [(one.report, one.envelope, one.path) for one in Spool(tmp_path).load()] == [
        (report, envelope, path) for (report, envelope), path in zip(written, paths, strict=True)
    ]


def test_a_new_daemon_writes_behind_what_the_old_one_left(tmp_path):
    Spool(tmp_path).write(export(1), first(export(1)))
    spool = Spool(tmp_path)
    spool.load()
    spool.write(report := export(2), first(report))
    assert [one.report.frames for one in Spool(tmp_path).load()] == [1, 2]


def test_a_spoilt_file_is_set_aside_and_the_others_delivered(tmp_path):
    spool = Spool(tmp_path)
    spool.write(report := export(1), first(report)).write_bytes(b'{"headers": {')
    spool.write(report := export(2), first(report))
    (tmp_path / "name.json").write_text("{}")
    (tmp_path / "000-half.new").write_text("half")
    assert [one.report.frames for one in Spool(tmp_path).load()] == [2]
    assert len(list((tmp_path / "bad").iterdir())) == 2
    assert list(tmp_path.glob("*.new")) == []


def test_the_registration_of_an_earlier_daemon_is_not_sent_again(tmp_path):
    report = RegisterNode(protocol=1, name="n", slots=1, engine_build="e", encoder_build="c", version="0", platform="p")
    Spool(tmp_path).write(report, first(report))
    assert Spool(tmp_path).load() == []
    assert list(tmp_path.iterdir()) == []
