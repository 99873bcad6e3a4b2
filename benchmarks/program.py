"""The program as a process of its own."""

import sys

PROGRAM = (sys.executable, "-m", "orchestrator.cli")
