"""A reporter gives way to the run that it follows."""

import subprocess
import sys

import pytest

from dashboard.reporter.__main__ import AUTOGROUP, NICENESS

PROGRAM = """
import os
from dashboard.reporter.__main__ import AUTOGROUP, step_back
step_back()
print(os.nice(0), *(AUTOGROUP.read_text().split()[-1:] if AUTOGROUP.exists() else []))
"""


@pytest.mark.parametrize("own_session", [True, False])
def test_it_steps_back_and_its_session_if_that_is_its_own(own_session: bool) -> None:
    before = session_niceness()
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(
        command, start_new_session=own_session, capture_output=True, text=True, check=True
    )
    nice, *session = map(int, answer.stdout.split())
    assert nice >= NICENESS
    assert session == ([NICENESS] if before and own_session else before)


def session_niceness() -> list[int]:
    """[niceness], or [] where the kernel does not share by sessions: no file, or an empty one.

    It is empty for processes in a control group of their own, such as those of a container.
    """
    return [int(word) for word in AUTOGROUP.read_text().split()[-1:]] if AUTOGROUP.exists() else []
