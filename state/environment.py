"""What the bits of a result depend on besides the task, read without importing torch or Ray."""

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from pydantic import JsonValue

PACKAGES = ("symbio-auto", "torch", "ray", "numpy", "optuna", "tokenizers", "safetensors")


def fingerprint() -> dict[str, JsonValue]:
    """Versions and processor. Thread counts are part of each task."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "packages": dict(_versions()),
    }


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
