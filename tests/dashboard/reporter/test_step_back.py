"""A reporter gives way to the run that it follows."""

import json
import subprocess
import sys

import pytest

from dashboard.reporter.__main__ import NICENESS

PROGRAM = """
import json, os
from dashboard.reporter.__main__ import AUTOGROUP, step_back

def session_niceness():
    return AUTOGROUP.read_text().split()[-1:] if AUTOGROUP.exists() else []

before = session_niceness()
step_back()
print(json.dumps([os.nice(0), before, session_niceness()]))
"""
"""A session's niceness is [] where the kernel does not share by sessions: no file, or an empty one.

It is empty for processes in a control group of their own, such as those of a container; a session
begun there may have one although the session that began it has none.
"""


@pytest.mark.parametrize("own_session", [True, False])
def test_it_steps_back_and_its_session_if_that_is_its_own(own_session: bool) -> None:
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(
        command, start_new_session=own_session, capture_output=True, text=True, check=True
    )
    nice, before, after = json.loads(answer.stdout)
    assert nice >= NICENESS
    assert after == ([str(NICENESS)] if before and own_session else before)
