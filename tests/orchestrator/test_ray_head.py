"""Noticing that Ray's head is gone."""

import socket
import subprocess
import sys

from orchestrator.ray_head import MAX_MISSES, LocalHead, RemoteHead, answers


def listening() -> tuple[socket.socket, str]:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server, f"127.0.0.1:{server.getsockname()[1]}"


def test_a_server_answers_until_it_is_closed() -> None:
    server, address = listening()
    assert answers(address)
    server.close()
    assert not answers(address)


def test_a_remote_head_is_gone_after_some_misses_in_a_row() -> None:
    server, address = listening()
    head = RemoteHead(address, interval_seconds=0)
    assert not head.is_gone()
    server.close()
    looks = [head.is_gone() for _ in range(MAX_MISSES)]
    assert looks == [False] * (MAX_MISSES - 1) + [True]


def test_a_head_that_answers_again_is_not_gone() -> None:
    server, address = listening()
    head = RemoteHead(address, interval_seconds=0)
    server.close()
    assert not head.is_gone()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", int(address.rsplit(":", 1)[1])))
        again.listen()
        assert not head.is_gone()
    assert not any(head.is_gone() for _ in range(MAX_MISSES - 1))


def test_a_remote_head_is_not_asked_at_every_poll() -> None:
    server, address = listening()
    head = RemoteHead(address, interval_seconds=60)
    server.close()
    assert not any(head.is_gone() for _ in range(100))


def test_children_that_are_not_ray_are_no_head() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        head = LocalHead()
        child.kill()
    assert not head.is_gone()
