"""Sees to one run on a far machine: starts it, restarts it, ends it, and writes what it did.

This program is sent to the far machine and run there by any Python from 3.9 on, without a package.
`start` leaves a process behind that belongs to no session. What it is to do is in `job.json`, how
it goes in `now.json`, what it did in `supervisor.jsonl`, what the run printed in `output.log`. The
environment of the run is in a file that its owner alone can read, and that goes when the job ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

JOB, NOW, KILL, HELD = "job.json", "now.json", "kill", "supervisor.lock"
SECRETS, OUTPUT, STORY = "environment.json", "output.log", "supervisor.jsonl"

POLL_SECONDS = 0.2
COMMIT_SECONDS = 60.0
"""After SIGTERM, before SIGKILL: the run itself takes at most 25."""
START_SECONDS = 20.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
FRUITLESS = 5
"""Starts in a row without a commit; the next one would end no better."""
TERMINATED = 128 + signal.SIGTERM
NOT_AGAIN = {2: "failed", 3: "failed", 128 + signal.SIGINT: "stopped", TERMINATED: "stopped"}
"""What the run's exit codes mean, where starting it again would change nothing: it was asked for
what it cannot do, a guard of its own stopped it, or somebody did."""


class Supervisor:
    """Of the job in a folder. The run is started in the folder above."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder.parent
        self.job: Answer = json.loads((folder / JOB).read_text(encoding="utf-8"))
        self.run = self.home / self.job["run"]
        self.child: subprocess.Popen[bytes] | None = None
        self.going_down = False
        self.now: Answer = {"job": self.job["id"], "restarts": 0, "exit_code": None}

    def watch(self) -> None:
        """Until the run has ended, or cannot go on."""
        signal.signal(signal.SIGTERM, self._note_the_end_of_the_machine)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        fruitless, pause = 0, FIRST_PAUSE
        self.say("running", started_at=utc_now())
        while True:
            last = commit(self.run)
            code = self._run_once(self.job["first" if last == self.job["before"] else "again"])
            fruitless = 0 if commit(self.run) != last else fruitless + 1
            state, reason = self._verdict(code, fruitless)
            if state != "waiting":
                break
            pause = FIRST_PAUSE if fruitless <= 1 else min(2 * pause, LONGEST_PAUSE)
            self.say(state, exit_code=code, reason=f"{reason}; again in {pause:.0f} s", pid=None)
            if self._sleep(pause):
                state, reason = self._verdict(code, fruitless)
                break
            self.say("running", restarts=self.now["restarts"] + 1, reason=None)
        self.say(state, exit_code=code, reason=reason, pid=None, ended_at=utc_now())
        if state != "interrupted":
            remove(self.folder / SECRETS)

    def say(self, state: str, **facts: Any) -> None:  # noqa: ANN401
        """Write how it goes, and that it went so."""
        self.now = {**self.now, "state": state, **facts}
        write(self.folder / NOW, self.now)
        with (self.folder / STORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": utc_now(), "state": state, **facts}) + "\n")

    def _run_once(self, words: list[str]) -> int:
        """The exit code of the run that was started with these words."""
        fixed = {"PYTHONPATH": str(self.home / self.job["code"]), "PYTHONUNBUFFERED": "1"}
        environment = {**os.environ, **read(self.folder / SECRETS), **fixed}
        with (self.folder / OUTPUT).open("ab") as output:
            self.child = subprocess.Popen(
                [*self.job["program"], *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=str(self.home),
                env=environment,
                start_new_session=True,
            )
        self.say("running", pid=self.child.pid)
        asked_at: float | None = None
        while (code := self.child.poll()) is None:
            time.sleep(POLL_SECONDS)
            if asked_at is None and self._is_to_be_killed():
                self.child.send_signal(signal.SIGTERM)
                asked_at = time.monotonic()
            if asked_at is not None and time.monotonic() - asked_at > COMMIT_SECONDS:
                break
        # Whatever it started is in its session, and works for nobody now.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)
        return self.child.wait() if code is None else code

    def _verdict(self, code: int, fruitless: int) -> tuple[str, str | None]:
        """What a run that ended with this code is, and why."""
        if code == 0:
            return "finished", None
        if self._is_to_be_killed():
            return "killed", "it was asked to end, and " + (
                "had to be forced" if code == -signal.SIGKILL else "committed first"
            )
        if code == TERMINATED:
            # A machine that goes down tells everybody, the run perhaps before us.
            self._sleep(2 * FIRST_PAUSE)
        if self.going_down:
            return "interrupted", "the machine went down"
        if code in NOT_AGAIN:
            return NOT_AGAIN[code], last_line(self.folder / OUTPUT)
        ended = f"ended by signal {-code}" if code < 0 else f"ended with {code}"
        ended = ": ".join([ended, *filter(None, [last_line(self.folder / OUTPUT)])])
        if fruitless >= FRUITLESS:
            return "failed", f"{ended}, {fruitless} times without a commit between"
        return "waiting", ended

    def _sleep(self, seconds: float) -> bool:
        """Whether the wait ended early, because nothing is to be started any more."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.going_down or self._is_to_be_killed():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _is_to_be_killed(self) -> bool:
        return (self.folder / KILL).exists()

    def _note_the_end_of_the_machine(self, *_: object) -> None:
        """The run is told as well, so it is not told again: a second time it would not commit."""
        self.going_down = True


def start(folder: Path) -> Answer:
    """Leave a supervisor behind for the job in the folder, unless it has or had one."""
    job = read(folder / JOB)
    if not is_held(folder) and read(folder / NOW).get("job") != job["id"]:
        write(folder / JOB, {**job, "before": commit(folder.parent / job["run"])})
        launch(folder)
    return status(folder)


def launch(folder: Path) -> None:
    """Start a supervisor that outlives us, and wait until it is at work."""
    for name in (KILL, NOW):
        remove(folder / name)
    with (folder / "supervisor.err").open("ab") as errors:
        subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.abspath(__file__), "watch", str(folder)],  # noqa: PTH100
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            cwd=str(folder),
            start_new_session=True,
        )
    until = time.monotonic() + START_SECONDS
    while not (folder / NOW).exists() and time.monotonic() < until:
        time.sleep(POLL_SECONDS / 4)


def watch(folder: Path) -> Answer:
    """Be the supervisor."""
    with (folder / HELD).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Supervisor(folder).watch()
    return {}


def revive(folder: Path) -> Answer:
    """After the machine was down: go on where the job was, if it had not ended."""
    if status(folder)["state"] == "interrupted":
        launch(folder)
    return status(folder)


def kill(folder: Path) -> Answer:
    """Ask the job to end, and wait until it has."""
    until = time.monotonic() + COMMIT_SECONDS + START_SECONDS
    if is_held(folder):
        (folder / KILL).touch()
    while is_held(folder) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    found = status(folder)
    if found["state"] == "interrupted":
        write(folder / NOW, {**read(folder / NOW), "state": "killed", "pid": None})
        remove(folder / SECRETS)
    return status(folder)


def status(folder: Path) -> Answer:
    """How it goes."""
    job, now = read(folder / JOB), read(folder / NOW)
    if not job:
        return {"state": "idle", "free_bytes": shutil.disk_usage(str(folder.parent)).free}
    state = now.get("state", "interrupted")
    if not is_held(folder) and state in ("running", "waiting"):
        state = "interrupted"
    run = folder.parent / job["run"]
    progress = read(run / "progress.json")
    return {
        **{key: now.get(key) for key in ("pid", "exit_code", "reason", "started_at", "ended_at")},
        "restarts": now.get("restarts", 0),
        "state": state,
        "command": job["first"],
        "run": Path(job["run"]).name,
        "summary": read(run / "state.json").get("summary", {}),
        "progress": progress if state == "running" else {},
        "free_bytes": shutil.disk_usage(str(folder.parent)).free,
    }


def is_held(folder: Path) -> bool:
    """A supervisor sees to the job."""
    with suppress(FileNotFoundError), (folder / HELD).open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def commit(run: Path) -> str:
    """What names a run's newest commit; empty without any."""
    return str(read(run / "state.json").get("sha256", ""))


def read(path: Path) -> Answer:
    """A JSON object; empty where there is none."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def write(path: Path, document: Answer) -> None:
    """Replace the file."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(document), encoding="utf-8")
    part.replace(path)


def remove(path: Path) -> None:
    """It may be gone already."""
    with suppress(FileNotFoundError):
        path.unlink()


def last_line(path: Path) -> str | None:
    """Of what the run printed."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 4096))
        lines = file.read().decode(errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), None)
    return None


def utc_now() -> str:
    """ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")  # noqa: UP017


VERBS: dict[str, Callable[[Path], Answer]] = {
    "start": start,
    "watch": watch,
    "revive": revive,
    "kill": kill,
    "status": status,
}


def main() -> int:
    """`VERB FOLDER`: prints how the job stands, as JSON."""
    sys.stdout.write(json.dumps(VERBS[sys.argv[1]](Path(sys.argv[2]).absolute())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
