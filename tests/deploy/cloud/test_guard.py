"""The machine turns itself off when it was asked to, and only then: the script itself is run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.cloud.guest import AFTER_MINUTES, STARTUP_SCRIPT

LONG = 16
"""Minutes after which the test turns the light off."""

SHIMS = {
    # A minute takes no time; the loop ends when enough of them have passed.
    "sleep": 'echo >> "$FOLDER/minutes"; [ "$(wc -l < "$FOLDER/minutes")" -le $LONG ]',
    "poweroff": 'wc -l < "$FOLDER/minutes" > "$FOLDER/off"',
    "pgrep": 'case "$*" in "-u symbio -f symbio") ;; *) exit 9 ;; esac; . "$FOLDER/busy"',
    "ss": '. "$FOLDER/connected"',
    "curl": 'cat "$FOLDER/attributes/${!###*/}" 2> /dev/null || exit 22',
    "systemd-run": 'echo "$@" > "$FOLDER/unit"',
    "install": 'echo "$@" > "$FOLDER/installed"',
}

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the programs that the script calls."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in SHIMS.items():
        path = programs / name
        path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
    (tmp_path / "attributes").mkdir()
    (tmp_path / "script").write_text(STARTUP_SCRIPT, encoding="utf-8")
    return tmp_path


def minutes_lived(
    machine: Path,
    attributes: dict[str, str],
    *,
    busy: str = "exit 1",
    connected: str = "true",
) -> int | None:
    """Minutes until it turned itself off; None where it never did."""
    for name, value in {"symbio-user": "symbio", **attributes}.items():
        (machine / "attributes" / name).write_text(value, encoding="utf-8")
    (machine / "busy").write_text(f"{busy}\n", encoding="utf-8")
    (machine / "connected").write_text(f"{connected}\n", encoding="utf-8")
    variables = {"FOLDER": str(machine), "LONG": str(LONG)}
    path = f"{machine / 'bin'}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", str(machine / "script"), "watch"],
        env={**variables, "PATH": path},
        capture_output=True,
        check=True,
        timeout=60,
    )
    off = machine / "off"
    return int(off.read_text(encoding="utf-8")) if off.exists() else None


BUSY_AT_FIRST = '[ "$(wc -l < "$FOLDER/minutes")" -le 4 ]'


def test_an_idle_machine_turns_itself_off(machine: Path) -> None:
    assert minutes_lived(machine, {"symbio-idle-minutes": "5"}) == 5


def test_a_machine_at_work_does_not(machine: Path) -> None:
    assert minutes_lived(machine, {"symbio-idle-minutes": "5"}, busy="true") is None


def test_a_machine_that_somebody_is_at_does_not(machine: Path) -> None:
    kept = minutes_lived(machine, {"symbio-idle-minutes": "5"}, connected="echo ESTAB")
    assert kept is None


def test_it_counts_from_the_end_of_the_run(machine: Path) -> None:
    lived = minutes_lived(machine, {"symbio-idle-minutes": "5"}, busy=BUSY_AT_FIRST)
    assert lived == 4 + 5


def test_after_its_run_a_machine_that_is_not_kept_waits_for_a_fetch(machine: Path) -> None:
    wanted = {"symbio-idle-minutes": "0", "symbio-after": "delete"}
    assert minutes_lived(machine, wanted, busy=BUSY_AT_FIRST) == 4 + AFTER_MINUTES


def test_before_its_run_it_waits(machine: Path) -> None:
    assert minutes_lived(machine, {"symbio-idle-minutes": "0", "symbio-after": "stop"}) is None


def test_nobody_asked_nothing_happens(machine: Path) -> None:
    assert minutes_lived(machine, {}, busy=BUSY_AT_FIRST) is None


def test_at_a_start_it_becomes_a_service_of_its_own(machine: Path) -> None:
    subprocess.run(
        ["bash", str(machine / "script")],
        env={"FOLDER": str(machine), "PATH": f"{machine / 'bin'}:{os.environ['PATH']}"},
        check=True,
        timeout=60,
    )
    unit = (machine / "unit").read_text(encoding="utf-8").split()
    assert unit == ["--unit=symbio-guard", "--collect", "/run/symbio-guard", "watch"]
