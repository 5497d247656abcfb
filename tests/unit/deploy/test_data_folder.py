"""The data folder: one run at a time, secrets that stay and stay private, ports that stay, errors that say what to do."""

import errno
import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from deploy.local import folder as folder_module
from deploy.local import ports
from deploy.local.errors import StackError, explained
from deploy.local.folder import DataFolder, default_folder
from deploy.local.secret_store import SecretStore


def test_a_second_run_on_the_same_folder_is_told_which_process_holds_it(tmp_path):
    first = DataFolder(tmp_path / "data")
    first.open()
    with pytest.raises(StackError, match=rf"already runs on .*process {os.getpid()}.*--data"):
        DataFolder(tmp_path / "data").open()
    first.close()
    second = DataFolder(tmp_path / "data")
    second.open()
    second.close()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "data").write_text("x")
    with pytest.raises(StackError, match="data is not a folder"):
        DataFolder(tmp_path / "data").open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StackError, match="cannot be written"):
        DataFolder(tmp_path / "data").open()
    tmp_path.chmod(0o700)


def test_a_disk_with_too_little_space_is_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "SPACE_TO_START", 2**60)
    with pytest.raises(StackError, match="MB free"):
        DataFolder(tmp_path / "data").open()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "is full"), (errno.EACCES, "cannot be written"), (errno.EROFS, "cannot be written"), (errno.EIO, "output")],
)
def test_errors_of_the_system_become_advice(tmp_path, code, words):
    with pytest.raises(StackError, match=words), explained(tmp_path):
        raise OSError(code, os.strerror(code), str(tmp_path / "file"))


def test_the_default_folder_follows_the_users_setting(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "flatrender"


def test_a_secret_stays_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "secrets.json"
    first = SecretStore(path).get("postgres.admin")
    assert len(first) == 43
    assert SecretStore(path).get("postgres.admin") == first
    assert SecretStore(path).get("nats.admin") != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_broken_file_of_secrets_is_never_replaced(tmp_path):
    path = tmp_path / "secrets.json"
    path.write_text("{")
    with pytest.raises(StackError, match=r"secrets\.json"):
        SecretStore(path)
    assert path.read_text() == "{"


def test_ports_are_remembered(tmp_path):
    first = ports.remembered(tmp_path / "ports.json", ["nats", "s3"], with_grpc=["s3"])
    assert ports.remembered(tmp_path / "ports.json", ["nats", "s3"], with_grpc=["s3"]) == first


def test_a_remembered_port_that_someone_took_is_replaced(tmp_path):
    first = ports.remembered(tmp_path / "ports.json", ["nats", "s3"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["nats"]))
        other.listen()
        again = ports.remembered(tmp_path / "ports.json", ["nats", "s3"])
    assert again["nats"] != first["nats"]
    assert again["s3"] == first["s3"]


def test_a_port_whose_grpc_port_is_taken_is_not_chosen(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"s3": taken - ports.GRPC_OFFSET}))
        assert ports.remembered(tmp_path / "ports.json", ["s3"], with_grpc=["s3"])["s3"] != taken - ports.GRPC_OFFSET


def test_a_port_that_another_stack_has_chosen_is_not_chosen_though_nothing_listens_there_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(ports, "LOWEST", 21900)
    monkeypatch.setattr(ports, "HIGHEST", 21950)
    choose = "import pathlib, sys; from deploy.local import ports; ports.LOWEST, ports.HIGHEST = 21900, 21950; "
    choose += "print(*ports.remembered(pathlib.Path(sys.argv[1]), [*'abcdefghijklmno']).values(), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", choose, str(tmp_path / "theirs.json")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        theirs = {int(port) for port in other.stdout.readline().split()}
        ours = set(ports.remembered(tmp_path / "ours.json", [*"abcdefghijklmno"]).values())
        assert len(theirs) == len(ours) == 15 and not theirs & ours
        assert not ports.claim(min(theirs))
        other.stdin.close()
        other.wait()
    assert ports.claim(min(theirs))  # it ended, however that was


def test_a_broken_file_of_ports_only_means_new_ports(tmp_path):
    (tmp_path / "ports.json").write_text("[]")
    assert set(ports.remembered(tmp_path / "ports.json", ["nats"])) == {"nats"}


def test_a_secret_that_is_rotated_keeps_the_one_before_and_counts(tmp_path):
    path = tmp_path / "secrets.json"
    values = [SecretStore(path).get("edge")]
    for version in (2, 3):
        assert SecretStore(path).rotate("edge") == version
        kept = SecretStore(path)
        assert (kept.get("edge.before"), kept.get("edge.version")) == (values[-1], str(version))
        values.append(kept.get("edge"))
    assert len(set(values)) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
