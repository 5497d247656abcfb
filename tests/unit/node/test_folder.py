"""The node's folder: locked, and marked as long as a daemon works in it."""

from uuid import uuid4

import pytest

from node_worker.folder import Folder, FolderInUse
from node_worker.states.starting import death


def opened(path):
    folder = Folder(path)
    folder.open()
    return folder


def test_a_new_folder_has_no_dead_daemon(tmp_path):
    assert opened(tmp_path / "new").dead is None


def test_a_daemon_that_left_in_an_orderly_way_is_not_dead_whatever_it_dropped_afterwards(tmp_path):
    folder = opened(tmp_path)
    folder.hold([uuid4()])
    folder.leave()
    folder.hold([])
    folder.close()
    assert opened(tmp_path).dead is None


def test_a_daemon_that_only_ended_is_dead_with_the_parts_it_held_last(tmp_path):
    folder, parts = opened(tmp_path), (uuid4(), uuid4())
    folder.hold([uuid4()])
    folder.hold(parts)
    folder.close()
    dead = opened(tmp_path).dead
    assert dead is not None and dead.parts == parts


def test_each_death_has_an_id_of_its_own(tmp_path):
    deaths = []
    for _ in range(3):
        folder = opened(tmp_path)
        deaths.append(folder.dead)
        folder.close()
    assert deaths[0] is None and deaths[1].id != deaths[2].id


def test_a_mark_that_cannot_be_read_is_a_death_without_parts(tmp_path):
    (tmp_path / "running").write_bytes(b"{half")
    dead = opened(tmp_path).dead
    assert dead is not None and dead.parts == ()
    assert "it held no part" in death(dead, "").detail


def test_a_second_daemon_leaves_the_mark_of_the_first_alone(tmp_path):
    first, part = opened(tmp_path), uuid4()
    first.hold([part])
    with pytest.raises(FolderInUse):
        opened(tmp_path)
    first.close()
    assert opened(tmp_path).dead.parts == (part,)


def test_the_last_words_are_the_end_of_the_log_without_secrets_and_fit_a_crashs_row(tmp_path):
    folder = opened(tmp_path)
    folder.log.write_text("old " * 5000 + "GET http://s/k?X-Amz-Signature=abc the end")
    folder.hold([uuid4() for _ in range(200)])
    folder.close()
    after = opened(tmp_path)
    told = death(after.dead, after.last_words()).log_tail
    assert told.endswith("http://s/k?… the end") and len(told) <= 4096
    assert told.startswith("the daemon that ran since")
