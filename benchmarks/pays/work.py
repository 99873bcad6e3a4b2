"""A worker of the comparison: takes the next run that nobody has made, until there is none.

python -m benchmarks.pays.work --corpora FOLDER --scratch FOLDER
python -m benchmarks.pays.work --corpora FOLDER --scratch FOLDER --open-test REASON

Start one a core, each computes with one thread. Stop them at any time: a run that was cut off goes
on from its last commit. What a run measures on test as it ends is put aside unread: the tables have
it once `--open-test` has logged why.
"""

import argparse
import os
import time

from benchmarks.pays.opening import open_test
from benchmarks.pays.place import Place, Result
from benchmarks.pays.plan import distinct, place_arguments, plan
from benchmarks.pays.record import record_of, sealed_of
from benchmarks.pays.specs import COMMON, Settings, Spec
from orchestrator.config import RunConfig
from orchestrator.preparation import Prepared, prepare_resume, prepare_run
from orchestrator.session import execute
from orchestrator.settings import build_config, merge
from orchestrator.train_settings import build_train_config

PATIENCE_SECONDS = 20


def main() -> None:
    """Work through the plan, or open the test split."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="only runs whose key or arm begins with this")
    parser.add_argument(
        "--open-test", metavar="REASON", help="tell what finished runs measured on test"
    )
    arguments = place_arguments(parser)
    place = Place(arguments.corpora, arguments.scratch)
    if arguments.open_test:
        open_test(place, arguments.open_test, arguments.only)
        return
    os.nice(3)
    while specs := open_runs(place, arguments.only):
        if not any(take(spec, place) for spec in specs):
            time.sleep(PATIENCE_SECONDS)


def open_runs(place: Place, only: str) -> list[Spec]:
    """What has no result yet, in the order of the plan."""
    results = place.all_results()
    return [
        spec
        for spec in distinct(plan(results))
        if spec.key not in results and (spec.key.startswith(only) or spec.arm.startswith(only))
    ]


def take(spec: Spec, place: Place) -> bool:
    """Make the run unless it is made or in other hands; the plan is then read anew."""
    with place.claimed(spec.key) as is_ours:
        if not is_ours or spec.key in place.all_results():
            return False
        told(f"{spec.setting} {spec.arm} seed {spec.seed}: {spec.key}")
        result, sealed = make(spec, place)
        place.keep(spec.key, result, sealed)
        search = result.get("search")
        bits = search["bits_per_byte"] if isinstance(search, dict) else result.get("failed")
        told(f"{spec.setting} {spec.arm} seed {spec.seed}: {bits}")
    return True


def make(spec: Spec, place: Place) -> tuple[Result, Result | None]:
    """What the run left, and what it measured on test.

    Raises:
        SystemExit: a signal stopped it; it goes on when its turn comes again.
    """
    try:
        finished = execute(prepared_run(spec, place), started_at=time.monotonic())
    except RuntimeError as error:
        return {"spec": spec.model_dump(mode="json"), "failed": str(error)}, None
    if finished.state.status == "running":
        raise SystemExit(finished.exit_code)
    folder = place.run(spec.key)
    return record_of(spec, folder), sealed_of(folder)


def prepared_run(spec: Spec, place: Place) -> Prepared:
    """The run as its command makes it ready, or as its last commit left it."""
    folder = place.run(spec.key)
    if folder.state.exists():
        return prepare_resume(folder.root)
    return prepare_run(configured(spec, place))


def configured(spec: Spec, place: Place) -> RunConfig:
    """What the command would make of the settings."""
    given: Settings = {
        "seed": spec.seed,
        "budget": spec.budget,
        "run_dir": str(place.run(spec.key).root),
        "data": {"paths": [str(place.text(spec.setting))]},
    }
    settings = merge(merge(COMMON, spec.settings), given)
    if spec.mode == "train":
        return build_train_config(settings, environment={}).config
    return build_config(settings, environment={})


def told(line: str) -> None:
    """With the time."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    main()
