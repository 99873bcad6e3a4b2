"""What bit-identical resumption depends on, read without importing torch or Ray."""

import os
import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from pydantic import JsonValue

PACKAGES = ("symbio-auto", "torch", "ray", "numpy", "tokenizers", "safetensors")


def environment(host_threads: int) -> dict[str, JsonValue]:
    """Versions, processor and thread count."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpu_count": os.cpu_count(),
        "host_threads": host_threads,
        "packages": dict(_versions()),
    }


def differences(before: dict[str, JsonValue], now: dict[str, JsonValue]) -> list[str]:
    """One line for each value that changed; with any of them the bits may differ."""
    lines = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new)
        elif old != new:
            lines.append(f"{name} was {old}, now {new}")
    return lines


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str | None], ...]:
    """Read once: a commit is written every few seconds and metadata is slow to parse."""
    return tuple((name, _version(name)) for name in PACKAGES)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
