"""The program as a process of its own."""

import sys

PROGRAM = (sys.executable, "-m", "orchestrator.cli")
INSTALLED = (sys.executable, "-c", "from orchestrator.cli import main; raise SystemExit(main())")
"""As the installed command begins: with the command line read from its cache, not compiled."""
