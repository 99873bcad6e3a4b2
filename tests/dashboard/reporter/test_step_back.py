"""A reporter gives way to the run that it follows."""

import subprocess
import sys

import pytest

from dashboard.reporter.__main__ import AUTOGROUP, NICENESS

PROGRAM = f"""
import os
from dashboard.reporter.__main__ import step_back
step_back()
print(os.nice(0), open({str(AUTOGROUP)!r}).read().split()[-1])
"""


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not share by sessions")
@pytest.mark.parametrize("own_session", [True, False])
def test_it_steps_back_and_its_session_if_that_is_its_own(own_session: bool) -> None:
    before = AUTOGROUP.read_text().split()[-1]
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(
        command, start_new_session=own_session, capture_output=True, text=True, check=True
    )
    nice, session = map(int, answer.stdout.split())
    assert nice >= NICENESS
    assert session == (NICENESS if own_session else int(before))
