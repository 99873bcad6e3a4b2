"""Looking on while a run works on a rented machine, and what comes after it."""

from datetime import UTC, datetime

from deploy.cloud.machine import ENDED_RUN, After
from deploy.cloud.record import Rental
from deploy.cloud.watch import Outcome, Watch, progress_line
from deploy.remote.status import RemoteStatus
from orchestrator.commands.gcp.far import session_at
from orchestrator.commands.gcp.fetch import bring, folder_for
from orchestrator.commands.gcp.place import Place, told

AGAIN_SECONDS = 600.0
"""Between two lines that say the same but for the cost."""
EXIT_INTERRUPTED, EXIT_FAILURE, EXIT_STOPPED = 130, 1, 3


class Lines:
    """A line for every change, and now and then one that says that it goes on."""

    def __init__(self) -> None:
        self._said = ""
        self._said_at = datetime.min.replace(tzinfo=UTC)

    def show(self, rental: Rental, status: RemoteStatus) -> None:
        """Say it, if it is new."""
        now = datetime.now(UTC)
        line = progress_line(rental, status, now)
        news = line.partition(";")[0]
        if news != self._said or (now - self._said_at).total_seconds() >= AGAIN_SECONDS:
            self._said, self._said_at = news, now
            print(f"{now:%H:%M} {line}", flush=True)


def see_through(place: Place, rental: Rental, max_restarts: int) -> int:
    """Look on until the run is over, fetch it, and do with the machine what was asked for;
    returns the exit code. Ctrl-C leaves the run alone.
    """
    watch = Watch(
        place.renting,
        rental,
        lambda now, address: session_at(place, now, address),
        Lines().show,
        max_restarts=max_restarts,
    )
    try:
        outcome = watch.follow()
    except KeyboardInterrupt:
        told(f"{rental.run or 'the run'} works on at {place.name} and costs on")
        told("look on: symbio-auto gcp status --watch; end it: symbio-auto gcp kill")
        return EXIT_INTERRUPTED
    finally:
        watch.close()
    return _afterwards(place, outcome)


def _afterwards(place: Place, outcome: Outcome) -> int:
    rental, status = outcome.rental, outcome.status
    match outcome.how:
        case "gone":
            told(f"{place.name} was deleted; what was not fetched is lost")
            return EXIT_FAILURE
        case "stopped":
            why = f"{place.name} is stopped ({outcome.cause})"
            told(f"{why}; its disk keeps the run: symbio-auto gcp up, then gcp status --watch")
            return EXIT_STOPPED
        case "over":
            assert status is not None
            return _over(place, rental, status)


def _over(place: Place, rental: Rental, status: RemoteStatus) -> int:
    """The job has ended there: fetch it first, whatever comes then."""
    reason = f": {status.reason}" if status.reason else ""
    print(f"{status.run or rental.run or 'the run'} is {status.state}{reason}")
    rental = place.renting.folder.write(rental.model_copy(update={"stage": "ended"}))
    after = rental.order.after
    try:
        rental = _fetched(place, rental, status.run or rental.run)
    except (ValueError, ConnectionError) as error:
        told(f"nothing was fetched: {error}")
        # What is nowhere else is not deleted.
        after = "stop" if after == "delete" else after
    _end(place, rental, after)
    if status.state == "finished":
        return 0
    return EXIT_STOPPED if status.state in {"stopped", "killed"} else EXIT_FAILURE


def _fetched(place: Place, rental: Rental, name: str | None) -> Rental:
    if name is None:
        return rental
    rental, address = place.renting.reachable(rental)
    with session_at(place, rental, address) as far:
        found = bring(place.renting.folder, rental, far, name, folder_for(rental, name))
    print(f"fetched {found}")
    return place.renting.folder.read() or rental


def _end(place: Place, rental: Rental, after: After) -> None:
    """What was asked for after the run, and what it has cost."""
    now = datetime.now(UTC)
    cost = f"about ${rental.rented.usd(now):.2f}" if rental.rented else "its hours"
    match after:
        case "delete":
            place.renting.end(rental, "delete")
            print(f"{place.name} is deleted; it has cost {cost}")
        case "stop":
            place.renting.label(rental, ENDED_RUN)
            place.renting.end(rental, "stop")
            print(f"{place.name} is stopped; it has cost {cost} so far, and its disk costs on")
        case "keep":
            place.renting.label(rental, ENDED_RUN)
            print(
                f"{place.name} runs on at ${rental.usd_per_hour:.2f} an hour ({cost} so far); "
                "end it: symbio-auto gcp delete"
            )
