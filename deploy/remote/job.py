"""What the supervisor of the far side is given to do, and how the run is started again."""

import secrets
from collections.abc import Sequence
from pathlib import PurePosixPath

from pydantic import JsonValue

RUN_FLAGS = ("--run-dir", "--resume")
KEPT_FLAGS = ("--engine", "--workers", "--device", "--ray-address", "--sample-interval")
KEPT_SWITCHES = (
    *("--json", "--plain", "--tensorboard", "--trackio", "--wandb"),
    *("--no-notify", "--no-remote", "--upload-checkpoint"),
)
"""What of the first command also holds for the next ones: everything else is in the commit."""


def new_job(command: Sequence[str], program: Sequence[str], code: str) -> dict[str, JsonValue]:
    """The job of a command of symbio-auto, whose words name a run.

    Raises:
        ValueError: they name none, or one elsewhere.
    """
    run = run_of(command)
    return {
        "id": secrets.token_hex(8),
        "run": run,
        "program": [*program],
        "first": [*command],
        "again": ["--resume", run, *_kept(command)],
        "code": code,
    }


def run_of(command: Sequence[str]) -> str:
    """The run's folder, as `runs/NAME`.

    Raises:
        ValueError: the words name none, or one elsewhere.
    """
    named = [value for name, value in _valued(command) if name in RUN_FLAGS]
    parts = PurePosixPath(named[-1]).parts if named else ()
    if parts[-1:] == ("state.json",):
        parts = parts[:-1]
    if len(parts) != 2 or parts[0] != "runs" or parts[1].startswith("."):
        raise ValueError(
            f"{' '.join(command)} names no run as --run-dir runs/NAME or --resume runs/NAME; a far "
            "machine works on those alone"
        )
    return "/".join(parts)


def _kept(command: Sequence[str]) -> list[str]:
    kept = [word for word in command if word in KEPT_SWITCHES]
    for name, value in _valued(command):
        if name in KEPT_FLAGS:
            kept += [name, value]
    return kept


def _valued(command: Sequence[str]) -> list[tuple[str, str]]:
    """Flags with the word after them, also where the two are one word."""
    found = []
    for word, after in zip(command, [*command[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        found.append((name, value if equals else after))
    return found
