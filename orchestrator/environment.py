"""What bit-identical resumption depends on, and what of it changed."""

import os

from pydantic import JsonValue

from orchestrator.config import EngineConfig
from state.environment import fingerprint


def environment(host_threads: int, *, deterministic: bool = True) -> dict[str, JsonValue]:
    """Versions, processor, thread count, and whether kernels were kept to repeatable ones."""
    return {
        **fingerprint(),
        "cpu_count": os.cpu_count(),
        "host_threads": host_threads,
        "deterministic": deterministic,
    }


def environment_of(engine: EngineConfig) -> dict[str, JsonValue]:
    """The environment of a run with these settings, here."""
    return environment(engine.host_threads or 1, deterministic=engine.repeats)


def differences(before: dict[str, JsonValue], now: dict[str, JsonValue]) -> list[str]:
    """One line for each value that changed; with any of them the bits may differ.

    What `before` did not record says nothing.
    """
    lines = []
    for name in sorted(before):
        old, new = before[name], now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new)
        elif old != new:
            lines.append(f"{name} was {old}, now {new}")
    return lines
