"""Who is at the other end is known beforehand, and a connection that breaks is made again."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.remote.connection import Connection, FarCommandFailed
from tests.deploy.remote.conftest import QUICK
from tests.deploy.remote.sshd import Sshd


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """Paramiko logs what it raises."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("paramiko").setLevel(logging.NOTSET)


def connect(connection: Connection) -> None:
    try:
        connection.steadily(connection.sftp)
    finally:
        connection.close()


def test_a_host_that_nobody_vouched_for_is_refused_and_not_learnt(
    sshd: Sshd, tmp_path: Path
) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    with pytest.raises(ValueError, match="not trusted unseen; put the machine's host key there"):
        connect(Connection(sshd.address._replace(known_hosts_path=empty), QUICK))
    assert empty.read_bytes() == b""


def test_a_host_with_another_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    wrong = tmp_path / "known_hosts"
    sshd.write_known_hosts(wrong, "other_key")
    with pytest.raises(ValueError, match="shows another host key"):
        connect(Connection(sshd.address._replace(known_hosts_path=wrong), QUICK))


def test_a_key_that_the_host_does_not_know_is_said(sshd: Sshd) -> None:
    other = sshd.address._replace(key_path=sshd.folder / "other_key")
    with pytest.raises(ValueError, match=r"does not take the key .*other_key"):
        connect(Connection(other, QUICK))


def test_a_key_that_a_machine_has_yet_to_learn_is_tried_again(sshd: Sshd) -> None:
    other = sshd.address._replace(key_path=sshd.folder / "other_key")
    keys = sshd.folder / "authorized_keys"
    before, public = keys.read_text(), (sshd.folder / "other_key.pub").read_text()
    told: list[str] = []
    learning = threading.Timer(0.3, lambda: keys.write_text(before + public))
    learning.start()
    try:
        connect(Connection(other, QUICK._replace(key_patience=10.0), told.append))
    finally:
        learning.join()
        keys.write_text(before)
    assert told == [f"{other} answers and does not know our key yet; trying again"]


def test_a_key_that_is_never_learnt_is_said_after_a_while(sshd: Sshd) -> None:
    other = sshd.address._replace(key_path=sshd.folder / "other_key")
    began = time.monotonic()
    with pytest.raises(ValueError, match="does not take the key"):
        connect(Connection(other, QUICK._replace(key_patience=0.4)))
    assert 0.1 < time.monotonic() - began < 5


def test_a_key_that_cannot_be_used_is_said_before_anybody_is_asked(
    sshd: Sshd, tmp_path: Path
) -> None:
    path = tmp_path / "key"

    def refused(message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Connection(sshd.address._replace(key_path=path))

    refused("cannot be used: No such file")
    path.write_bytes(b"no key")
    refused("cannot be used: Unable to load")
    path.write_bytes((sshd.folder / "user_key").read_bytes())
    path.chmod(0o644)
    refused("can be read by others; chmod 600")


def test_where_nobody_answers_we_give_up_after_a_while(sshd: Sshd) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = sshd.address._replace(port=taken.getsockname()[1])
        quick = QUICK._replace(patience=0.3)
        with pytest.raises(ConnectionError, match=r"nobody answers at .*see whether the machine"):
            connect(Connection(nobody, quick))


def test_every_word_of_a_command_arrives_as_it_is(connection: Connection, tmp_path: Path) -> None:
    words = ["a b", "$(touch x)", "'; touch x; '", "`id`", "*", "", "\n", "é", '"']
    script = "import sys; sys.stdout.write(repr(sys.argv[1:]))"
    folder = tmp_path / "it's; here $HOME"
    folder.mkdir()
    printed = connection.run(["python3", "-c", script, *words], folder=str(folder))
    assert eval(printed) == words  # noqa: S307
    assert not (folder / "x").exists()


def test_a_command_that_fails_says_why(connection: Connection) -> None:
    with pytest.raises(FarCommandFailed, match=r"^no luck$") as caught:
        connection.run(["sh", "-c", "echo much; echo no luck >&2; exit 3"])
    assert caught.value.exit_code == 3


def test_what_is_read_in_vain_is_not_taken_for_a_broken_connection(connection: Connection) -> None:
    with pytest.raises(FileNotFoundError):
        connection.steadily(lambda: connection.sftp().stat("/no/such/file"))


def test_a_connection_that_breaks_is_made_again(connection: Connection, sshd: Sshd) -> None:
    attempts = []

    def action() -> bytes:
        attempts.append(connection.run(["true"]))
        if len(attempts) == 1:
            assert sshd.drop()
            return connection.run(["echo", "too late"])
        return connection.run(["echo", "there"])

    assert connection.steadily(action) == b"there\n"
    assert len(attempts) == 2
