"""What holds for all tests."""

import os

# Drawing takes seconds, and hundreds of runs end here; the tests of the page ask for it.
os.environ.setdefault("SYMBIO_NO_FIGURES", "1")
