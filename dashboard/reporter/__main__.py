"""`python -m dashboard.reporter RUN_DIR`: follow a run until it ends.

Addresses and secrets come from the environment, never from arguments, which every user can read.
"""

import argparse
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from state.run_folder import RunFolder

NICENESS = 10
AUTOGROUP = Path("/proc/self/autogroup")
"""Linux weighs sessions first, and niceness only within one (sched(7), the autogroup feature)."""


def main() -> int:
    """Work; what is to be shown to whoever started the run goes to the standard output."""
    arguments = _parser().parse_args()
    step_back()
    try:
        line = _work(arguments)
    # The border: a traceback could show an address.
    except Exception as error:  # noqa: BLE001
        _say(f"the reporter failed: {type(error).__name__}")
        return 1
    if line:
        _say(line)
        with suppress(OSError):
            os.write(1, f"{line}\n".encode())
    return 0


def step_back() -> None:
    """Behind the run, in its own session and, where Linux shares by sessions, as a session."""
    with suppress(OSError):
        os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            AUTOGROUP.write_text(str(NICENESS), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dashboard.reporter", allow_abbrev=False)
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--sample-interval", type=int, default=300, metavar="N")
    parser.add_argument("--log-bytes", type=int, default=0, metavar="N")
    parser.add_argument("--upload-checkpoint", action="store_true")
    parser.add_argument("--no-remote", action="store_true")
    parser.add_argument("--no-notify", action="store_true")
    parser.add_argument("--piped", action="store_true", help="the run holds the standard input")
    return parser


def _work(arguments: argparse.Namespace) -> str:
    from dashboard.reporter.destination import destination_of
    from dashboard.reporter.notify.addresses import addresses_of
    from dashboard.reporter.process import Reporter, Task
    from dashboard.reporter.watch import LockWatch, PipeWatch

    folder = RunFolder(arguments.run)
    task = Task(
        folder=folder,
        destination=None if arguments.no_remote else destination_of(os.environ),
        addresses=() if arguments.no_notify else tuple(addresses_of(os.environ)),
        sample_interval=arguments.sample_interval,
        log_bytes=arguments.log_bytes,
        upload_checkpoint=arguments.upload_checkpoint,
    )
    watch = PipeWatch(sys.stdin.fileno()) if arguments.piped else LockWatch(folder)
    return Reporter(task, watch, _say).run()


def _say(line: str) -> None:
    """To the reporter's log; a disk that is full is no reason to end."""
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError):
        sys.stderr.write(f"{stamp} {line}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
