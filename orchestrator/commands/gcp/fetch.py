"""`symbio-auto gcp fetch`: bring the run here."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cloud.record import MachineFolder, Rental
from orchestrator.commands.gcp.far import run_name, running
from orchestrator.commands.gcp.place import place_of
from state.pasted import pasted
from state.rented import write_rented

if TYPE_CHECKING:
    from deploy.remote.session import Session

RUNS = Path("runs")


def run(arguments: argparse.Namespace) -> int:
    """Fetch what is not here yet of a run that has ended."""
    place = place_of(arguments)
    rental, session = running(place)
    name = arguments.run or run_name(rental)
    into = arguments.into or folder_for(rental, name)
    with session as far:
        found = bring(place.renting.folder, rental, far, name, into)
    print(f"fetched {found}")
    print(f"look at it:       symbio-auto status {pasted(found)}")
    print(f"end the machine:  symbio-auto gcp delete   (${rental.usd_per_hour:.2f} an hour)")
    return 0


def folder_for(rental: Rental, name: str) -> Path:
    """Where the run's folder belongs here."""
    return Path(rental.local).parent if rental.local and rental.run == name else RUNS


def bring(folder: MachineFolder, rental: Rental, far: "Session", name: str, into: Path) -> Path:
    """The run's folder here, with what its machine has cost beside it."""
    found = _as_typed(far.fetch(name, into))
    fetched = rental.run == name and not far.status().works
    rental = folder.write(rental.model_copy(update={"fetched": rental.fetched or fetched}))
    if rental.rented is not None:
        write_rented(found, rental.rented)
    return found


def _as_typed(path: Path) -> Path:
    """From here, where that is shorter."""
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path
