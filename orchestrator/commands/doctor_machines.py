"""Rented machines that run for nobody."""

import os
from collections.abc import Iterator

from orchestrator.commands.doctor_checks import Check

NAME = "rented machine"
PATIENCE_SECONDS = 10.0


def machine_checks() -> list[Check]:
    """Our machines at Google, asked only where something says that there may be some: a record of
    one, or a project in the environment.
    """
    from deploy.cloud.record import known_machines, machines_folder

    environment = os.environ.get("GOOGLE_CLOUD_PROJECT", "").strip()
    recorded = machines_folder().is_dir()
    if not recorded and not environment:
        return []
    projects = {one.order.project for one in known_machines()}
    asked = {*projects, *([environment] if environment else [])}
    if not asked:
        return [Check(name=NAME, ok=True, found="none is recorded")]
    return [check for project in sorted(asked) for check in _of(project, known=project in projects)]


def _of(project: str, *, known: bool) -> Iterator[Check]:
    """What runs in a project; one that only the environment names may well be out of reach."""
    from deploy.cloud.compute import USUAL, Compute
    from deploy.cloud.login import login
    from deploy.cloud.machine import DEFAULT_ZONE

    try:
        access = login()
        compute = Compute(
            project,
            DEFAULT_ZONE,
            access.credentials,
            endpoint=access.endpoint,
            timing=USUAL._replace(patience=PATIENCE_SECONDS),
        )
        found = compute.ours()
    except (ValueError, ConnectionError) as error:
        line, _, remedy = str(error).partition("; ")
        yield Check(name=NAME, ok=not known, found=f"{project}: {line}", remedy=remedy)
        return
    if not found:
        yield Check(name=NAME, ok=True, found=f"none in {project}")
    for one in found:
        where = f"--project {project} --zone {one.zone} --name {one.name}"
        about = f"{one.name}, {one.machine_type} in {one.zone}"
        if not one.runs:
            yield Check(name=NAME, ok=True, found=f"{about}: stopped, its disk costs")
        elif one.run:
            yield Check(name=NAME, ok=True, found=f"{about}: works on {one.run}")
        else:
            yield Check(
                name=NAME,
                ok=False,
                found=f"{about}: runs without a run since {one.started_at or one.created_at:%F %R}",
                remedy=f"it costs by the hour; symbio-auto gcp delete {where}",
            )
