"""The words that symbio-auto is started with on the far side, from the flags given here."""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue

from deploy.cloud.login import ENDPOINT_VARIABLE
from orchestrator.battery.prompt_file import prompt_lines
from orchestrator.commands.reporting import SAMPLE_INTERVAL
from orchestrator.flags import Flag, Switch

OWN = frozenset({"--run-dir", "--ray-address", "--init-from"})
"""Flags whose value is a place on this side."""
HERE_ONLY = frozenset(
    {
        *(ENDPOINT_VARIABLE, "SYMBIO_DB_URL", "SYMBIO_READ_SECRET"),
        *("SYMBIO_NO_FIGURES", "SYMBIO_RUN_DIR"),
    }
)
"""Variables that say something about this machine."""
SENT = (
    *("ALPHA_REMOTE_URL", "ALPHA_REMOTE_SECRET", "DISCORD_WEBHOOK_URL"),
    *("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT"),
)
"""What the far side may need beside SYMBIO_*; it goes as a file that only its user can read."""
NOTIFY_VARIABLE = "SYMBIO_NOTIFY_URLS"
SAID = ("tensorboard", "trackio", "wandb", "no_notify", "no_remote", "upload_checkpoint")
"""Switches of whoever shows the run, or is told of it."""

Send = Callable[[Path], str]
"""Sends a file; its path there."""


def flag_words(
    arguments: argparse.Namespace,
    flags: Sequence[Flag],
    switches: Sequence[Switch],
    send: Send,
) -> list[str]:
    """The settings that were given as flags."""
    given = vars(arguments)
    words = []
    for flag in flags:
        if flag.path in given and flag.name not in OWN:
            if flag.kind is prompt_lines:
                with _lines_file(given[flag.path]) as path:
                    words.append(f"{flag.name}={send(path)}")
            else:
                words.append(f"{flag.name}={_text(given[flag.path])}")
    words += [one.name for one in switches if one.path in given]
    words += [f"--{name.replace('_', '-')}" for name in SAID if given.get(name)]
    interval = given.get("sample_interval", SAMPLE_INTERVAL)
    return [*words, *([f"--sample-interval={interval}"] if interval != SAMPLE_INTERVAL else [])]


def file_words(arguments: argparse.Namespace, names: Iterable[str], send: Send) -> list[str]:
    """Files of settings, which are sent: `config` is given as --config FILE."""
    found = ((name, getattr(arguments, name, None)) for name in names)
    return [f"--{name.replace('_', '-')}={send(path)}" for name, path in found if path]


def environment_sent(notify: Sequence[str] = ()) -> dict[str, str]:
    """Settings and secrets of this environment that the run needs there too, with the addresses of
    `--notify`, which no command line may show.
    """
    found = {
        name: value
        for name, value in os.environ.items()
        if name not in HERE_ONLY and (name in SENT or name.startswith("SYMBIO_"))
    }
    told = " ".join([*found.get(NOTIFY_VARIABLE, "").split(), *notify])
    return {**found, NOTIFY_VARIABLE: told} if told else found


def _text(value: JsonValue) -> str:
    match value:
        case list():
            return ",".join(map(str, value)) or "none"
        case None:
            # The one flag that takes 0 for none.
            return "0"
        case _:
            return str(value)


@contextmanager
def _lines_file(lines: Sequence[str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="symbio-prompts-") as folder:
        path = Path(folder) / "prompts.txt"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        yield path
