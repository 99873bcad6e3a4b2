"""How long to wait before trying again."""

import random

FIRST_SECONDS = 1.0
MOST_SECONDS = 60.0
REFUSED_SECONDS = 300.0
"""Between two tries with a secret or an address that was refused."""


class Backoff:
    """Doubles with every failure up to a minute, less up to half of it by chance, so that many
    reporters do not come back to a server at the same instant.
    """

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()
        self._failures = 0

    @property
    def failures(self) -> int:
        """In a row."""
        return self._failures

    def failed(self, asked_seconds: float | None = None) -> float:
        """Seconds to wait after one more failure; not less than what the server asked for."""
        whole = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._failures, 10))
        self._failures += 1
        wait = whole * (1 - 0.5 * self._chance.random())
        return max(wait, min(asked_seconds or 0.0, 10 * MOST_SECONDS))

    def worked(self) -> None:
        """Begin again with short waits."""
        self._failures = 0
