"""Does a whole run work on the device, and at what speed?

    python -m benchmarks.gpu.whole --data TEXT --out FOLDER --budget 50000 --model original

The command of a user, stopped by Ctrl-C when the time is over and resumed by the next call. Its
output is kept; told are wall time, what `status` says, and the share of time that is not training
or evaluation (the bar is 3 %).
"""

import json
import signal
import subprocess
import time
from pathlib import Path

from pydantic import JsonValue

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.program import PROGRAM

STOP_SECONDS = 60
TAIL_CHARACTERS = 2000


def main() -> None:
    """Begin or go on."""
    parser = flags(__doc__)
    parser.add_argument("--budget", type=int, default=50_000)
    parser.add_argument("--model", default="original")
    arguments = parser.parse_args()
    place = Place.of("whole", arguments)
    if place.data is None:
        raise SystemExit("give --data a text such as historic.txt")
    rows = Rows(place)
    budget = 60 if place.toy else arguments.budget
    model = "tiny" if place.toy else arguments.model
    run = place.out / f"run-{model}-{budget}"
    ended = run / "final-report.json"
    if not ended.exists():
        rows.found.pop("run", None)
    rows.add("run", lambda: went_on(place, run, model, budget))
    rows.end()


def went_on(place: Place, run: Path, model: str, budget: int) -> Row:
    """One stretch of the run, to its end or to the end of the time."""
    command = [*PROGRAM, "resume", str(run), "--plain"]
    if not (run / "state.json").exists():
        command = [*PROGRAM, "--data", str(place.data), "--budget", str(budget), "--model", model]
        command += ["--device", place.device, "--plain", "--run-dir", str(run)]
        if place.toy:
            command += ["--engine", "inline", "--stack", "4"]
    begun, log = time.monotonic(), place.out / "whole.log"
    with log.open("ab") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        code = ended_within(child, max(1.0, place.seconds_left - STOP_SECONDS))
    seconds = time.monotonic() - begun
    told = log.read_text(encoding="utf-8", errors="replace")[-TAIL_CHARACTERS:]
    return {
        "ok": code in {0, 130},
        "code": code,
        "ended": (run / "final-report.json").exists(),
        "seconds": seconds,
        "status": status(run),
        "output": told,
    }


def ended_within(child: subprocess.Popen[bytes], seconds: float) -> int:
    """Its code; it is asked to stop when the time is over, and killed when it does not."""
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGINT)
    try:
        return child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def status(run: Path) -> JsonValue:
    """What the program says of the run."""
    command = [*PROGRAM, "status", str(run), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: JsonValue = json.loads(answer.stdout)
    except ValueError:
        return answer.stdout[-TAIL_CHARACTERS:] + answer.stderr[-TAIL_CHARACTERS:]
    return found


if __name__ == "__main__":
    main()
