"""The packages of the lock file, in an environment of their own on the far side."""

import shlex

from deploy.remote.connection import FarCommandFailed
from deploy.remote.far_files import Told
from deploy.remote.far_program import FarProgram
from deploy.remote.small_files import write_file

LEAST = (3, 11)
CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11")
PYTHON = "venv/bin/python"
SECONDS = 3600.0
"""For pip to say something: with its output turned off it says nothing for minutes."""

INSTALL = f"""
set -e
[ "$(cat venv/.installed 2>/dev/null)" != "$2" ] || exit 0
{PYTHON} -m pip --version >/dev/null 2>&1 || "$1" -m venv --clear venv
{PYTHON} -m pip install --quiet --disable-pip-version-check -r code/requirements.lock
if [ -e /proc/driver/nvidia/version ]; then
    {PYTHON} -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || {{
        echo "there is a GPU and the torch that pip chose does not see it; look at the driver" >&2
        exit 1
    }}
fi
printf %s "$2" > venv/.installed
"""
"""Words: the Python to begin with, and what says that everything is there."""

WRAPPER = """\
#!/bin/sh
cd "$(dirname "$0")" && PYTHONPATH="$PWD/code" exec {python} -P -m orchestrator.cli "$@"
"""
"""For those who log in there."""


def install(far: FarProgram, lock_hash: str, told: Told) -> None:
    """Install the lock file that was sent, unless that was done before.

    On a machine with a GPU pip takes torch's build for it, which is looked at.

    Raises:
        ValueError: there is no Python that is new enough, or a package cannot be installed.
    """
    if _installed(far) == lock_hash:
        return
    python = _newest_python(far)
    told("installing packages there, which takes some minutes the first time")
    words = ["flock", "install.lock", "sh", "-c", INSTALL, "sh", python, lock_hash]
    try:
        far.connection.steadily(lambda: far.connection.run(words, folder=far.home, silence=SECONDS))
    except FarCommandFailed as error:
        raise ValueError(
            f"{far.connection.address}: the packages could not be installed ({error}); log in and "
            f"look, or take another image"
        ) from error


def write_wrapper(far: FarProgram, python: str) -> None:
    """A command for people, `symbio/symbio-auto`."""
    text = WRAPPER.format(python=shlex.quote(python))
    write_file(far.connection, far.at("symbio-auto"), text, 0o755)


def _installed(far: FarProgram) -> str:
    def read() -> bytes:
        return far.connection.run(
            ["sh", "-c", "cat venv/.installed 2>/dev/null || true"], folder=far.home
        )

    return far.connection.steadily(read).decode(errors="replace")


def _newest_python(far: FarProgram) -> str:
    code = f"import sys; sys.exit(sys.version_info < {LEAST})"
    for name in CANDIDATES:
        try:
            far.connection.steadily(lambda name=name: far.connection.run([name, "-c", code]))  # type: ignore[misc]
        except FarCommandFailed:
            continue
        return name
    raise ValueError(
        f"{far.connection.address} has no Python {LEAST[0]}.{LEAST[1]} or newer; install one there "
        "(python3 and python3-venv), or take another image"
    )
