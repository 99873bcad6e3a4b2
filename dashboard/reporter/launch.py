"""Starts a reporter beside a run, and takes leave of it when the run is over."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from dashboard.reporter.destination import destination_of
from dashboard.reporter.notify.addresses import addresses_of, require_usable, with_addresses
from dashboard.reporter.watch import FAREWELL
from state.run_folder import RunFolder

LOG = "reporter.log"
WAIT_SECONDS = 25.0
"""For what a reporter still sends; longer than it takes for itself."""


class Wanted(NamedTuple):
    """What is to be reported of a run, as it was asked for."""

    environment: Mapping[str, str]
    """Of the reporter's process: the only place where addresses and secrets stand."""
    options: tuple[str, ...]
    uploads: bool

    def __repr__(self) -> str:
        return f"Wanted({' '.join(self.options)})"


def wanted(
    environment: Mapping[str, str],
    *,
    notify: Sequence[str] = (),
    no_notify: bool = False,
    no_remote: bool = False,
    upload_checkpoint: bool = False,
    sample_interval: int = 300,
) -> Wanted | None:
    """What is to be done; None where nobody is to be told anything. Nothing is begun yet.

    Raises:
        ValueError: an address or a secret cannot be used, or the flags contradict each other.
    """
    if notify and no_notify:
        raise ValueError("--notify and --no-notify contradict each other; leave one of them out")
    if sample_interval < 0:
        raise ValueError(f"--sample-interval {sample_interval} is negative; 0 sends no samples")
    require_usable(notify)
    server = None if no_remote else destination_of(environment)
    if upload_checkpoint and server is None:
        raise ValueError(
            "--upload-checkpoint needs a server; name it in SYMBIO_REMOTE_URL, or leave it out"
        )
    full = with_addresses(environment, notify)
    if server is None and (no_notify or not addresses_of(full)):
        return None
    flags = {
        "--no-remote": no_remote,
        "--no-notify": no_notify,
        "--upload-checkpoint": upload_checkpoint,
    }
    options = (
        *(flag for flag, is_set in flags.items() if is_set),
        *("--sample-interval", str(sample_interval)),
    )
    return Wanted(full, options, upload_checkpoint)


class Companion:
    """A reporter's process as the run's process sees it: started, and told when to end."""

    def __init__(self, process: "subprocess.Popen[bytes] | None", uploads: bool) -> None:
        self._process, self._uploads = process, uploads

    @classmethod
    def start(cls, asked: Wanted, folder: RunFolder) -> "Companion":
        """Start it and do not wait; a machine that starts no process gets no reporter."""
        root = folder.root.absolute()
        size = folder.log.stat().st_size if folder.log.exists() else 0
        command = [sys.executable, "-m", "dashboard.reporter", str(root), "--piped"]
        try:
            with _log(root) as log:
                process = subprocess.Popen(
                    [*command, "--log-bytes", str(size), *asked.options],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=dict(asked.environment),
                    # Ctrl-C is for the run; the reporter hears of its end.
                    start_new_session=True,
                )
        except OSError:
            return cls(None, uploads=False)
        return cls(process, asked.uploads)

    @property
    def is_started(self) -> bool:
        """There is a process."""
        return self._process is not None

    def leave(self, wait_seconds: float = WAIT_SECONDS) -> str:
        """Say that the run is over, and wait for the rest to be sent: what is to be shown, or
        nothing. A model on its way is waited for; whoever is in a hurry interrupts.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return ""
        with suppress(OSError):
            process.stdin.write(FAREWELL)
            process.stdin.flush()
        with suppress(OSError):
            process.stdin.close()
        try:
            line, is_over = _last_line(process.stdout, None if self._uploads else wait_seconds)
        finally:
            process.stdout.close()
            # It ends by itself; somebody must hear of it, or it stays a zombie.
            threading.Thread(target=process.wait, name="reporter", daemon=True).start()
        if is_over:
            return line
        return f"what is not sent yet is sent by process {process.pid}, which goes on by itself"


def _log(root: Path) -> IO[bytes]:
    try:
        return (root / LOG).open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def _last_line(stream: IO[bytes], seconds: float | None) -> tuple[str, bool]:
    """What the reporter printed before it ended, and whether it has ended."""
    data, deadline = b"", None if seconds is None else time.monotonic() + seconds
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([stream], [], [], left)
        if not ready:
            return "", False
        more = os.read(stream.fileno(), 4096)
        if not more:
            lines = data.decode("utf-8", "replace").strip().splitlines()
            return lines[-1] if lines else "", True
        data = (data + more)[-4096:]
