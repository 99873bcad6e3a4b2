"""`symbio-auto doctor`: can this machine do the work?"""

import argparse
import json
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from orchestrator.commands.doctor_accelerator import accelerator_checks
from orchestrator.commands.doctor_checks import Check
from orchestrator.commands.doctor_machines import machine_checks
from orchestrator.commands.doctor_sockets import socket_checks
from orchestrator.commands.progress_shown import sinks_of
from state.progress import Reporter

MINIMUM_PYTHON = (3, 11)
MINIMUM_TORCH = (2, 10)
MINIMUM_RAY = (2, 54)
ENOUGH_DISK_BYTES = 2 * 1024**3
ENOUGH_MEMORY_BYTES = 2 * 1024**3


def run(arguments: argparse.Namespace) -> int:
    """Print the checks; exit code 1 when one of them fails. The kill test stands for itself."""
    if arguments.kill_test is not None:
        from orchestrator.commands import kill_test

        return kill_test.run(arguments)
    with Reporter(*sinks_of(arguments)).work("trying torch and Ray"):
        checks = examine()
    if arguments.json:
        print(json.dumps([check.model_dump() for check in checks]))
    else:
        for check in checks:
            mark = "ok  " if check.ok else "FAIL"
            print(f"{mark} {check.name:16} {check.found}")
            if not check.ok:
                print(f"     {check.remedy}")
    return 0 if all(check.ok for check in checks) else 1


def examine() -> list[Check]:
    """Machine, interpreter, packages, folder."""
    return [
        _python(),
        _package("torch", MINIMUM_TORCH),
        _package("ray", MINIMUM_RAY),
        _cores(),
        _memory(),
        _disk(Path.cwd()),
        _shared_memory(),
        _arithmetic(),
        *accelerator_checks(),
        *socket_checks(),
        *machine_checks(),
    ]


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Check(
        name="python",
        ok=sys.version_info >= MINIMUM_PYTHON,
        found=found,
        remedy="install Python 3.11 or later",
    )


def _package(name: str, minimum: tuple[int, int]) -> Check:
    wanted = ".".join(str(part) for part in minimum)
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name=name, ok=False, found="absent", remedy="run make setup")
    numbers = tuple(int(part) for part in found.split("+")[0].split(".")[:2])
    return Check(
        name=name, ok=numbers >= minimum, found=found, remedy=f"install {name} {wanted} or later"
    )


def _cores() -> Check:
    physical = psutil.cpu_count(logical=False) or 1
    return Check(name="cores", ok=True, found=f"{physical} physical, {os.cpu_count()} logical")


def _memory() -> Check:
    free = psutil.virtual_memory().available
    return Check(
        name="memory",
        ok=free >= ENOUGH_MEMORY_BYTES,
        found=f"{free / 1024**3:.1f} GiB available",
        remedy="close other programs; Ray and two workers take about 1.5 GiB",
    )


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    return Check(
        name="disk",
        ok=free >= ENOUGH_DISK_BYTES,
        found=f"{free / 1024**3:.1f} GiB free in {folder}",
        remedy="free 2 GiB, or choose another --run-dir",
    )


def _shared_memory() -> Check:
    folder = Path("/dev/shm")
    if not folder.exists():
        return Check(name="shared memory", ok=True, found="not used on this system")
    free = shutil.disk_usage(folder).free
    return Check(
        name="shared memory",
        ok=free >= 256 * 1024**2,
        found=f"{free / 1024**2:.0f} MiB free",
        remedy="give the container --shm-size=512m, or use --engine inline",
    )


def _arithmetic() -> Check:
    """The same product twice, with one thread: the base of bit-exact resume."""
    import torch

    torch.set_num_threads(1)
    matrix = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    same = torch.equal(matrix @ matrix, matrix @ matrix)
    return Check(
        name="repeatable",
        ok=same,
        found="a product repeats bit for bit" if same else "a product differs from itself",
        remedy="this processor or its BLAS cannot resume bit for bit",
    )
