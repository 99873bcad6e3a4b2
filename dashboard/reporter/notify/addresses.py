"""Addresses of people and channels: checked before a run begins, and never shown."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

VARIABLE = "SYMBIO_NOTIFY_URLS"
"""Addresses between blanks."""
DISCORD_VARIABLE = "DISCORD_WEBHOOK_URL"
FLAG = "--notify"


def addresses_of(environment: Mapping[str, str]) -> list[str]:
    """All addresses of the environment, each once."""
    discord = environment.get(DISCORD_VARIABLE, "").strip()
    found = [*environment.get(VARIABLE, "").split(), *([discord] if discord else [])]
    return list(dict.fromkeys(found))


def with_addresses(environment: Mapping[str, str], given: Sequence[str]) -> dict[str, str]:
    """An environment that names those that were `given` as well."""
    listed = " ".join([*environment.get(VARIABLE, "").split(), *given])
    return {**environment, VARIABLE: listed} if listed else dict(environment)


def require_usable(given: Sequence[str]) -> None:
    """Refuse an address that nothing can be sent to; nothing is sent.

    Raises:
        ValueError: one of them is none, or is several.
    """
    for number, address in enumerate(given, start=1):
        if not is_usable(address):
            which = f"{FLAG} address {number} of {len(given)}" if len(given) > 1 else FLAG
            raise ValueError(
                f"{which} is not one that Apprise can send to; "
                "give one such as discord://ID/TOKEN or mailto://user:password@example.org"
            )


def is_usable(address: str) -> bool:
    """Apprise can send to it."""
    if len(address.split()) != 1:
        return False
    load()
    import apprise

    with quiet():
        return apprise.Apprise.instantiate(address, suppress_exceptions=True) is not None


def load() -> None:
    """Load Apprise and all that it can send to; a part of it warns of what later Pythons lack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        apprise.Apprise.instantiate("json://localhost")


@contextmanager
def quiet() -> Iterator[None]:
    """Apprise logs addresses; nothing of it reaches a stream within the block."""
    import apprise

    was = apprise.logger.disabled
    apprise.logger.disabled = True
    try:
        yield
    finally:
        apprise.logger.disabled = was
