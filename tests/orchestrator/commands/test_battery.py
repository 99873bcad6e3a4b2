"""`symbio-auto battery`: a run's best model is tried, alone and against another's."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import inference_battery.battery
from inference_battery.questions import NUM_OTHER_TOPICS, NUM_TYPOS
from inference_battery.score import composite
from inference_battery.weights import COMPOSITE_VERSION, WEIGHTS
from orchestrator.battery.on_run import reference_of, run_questions
from orchestrator.battery.prompt_file import MAX_FILE_BYTES, MAX_PROMPTS
from orchestrator.cli import main
from orchestrator.commits import restore
from orchestrator.flags import settings_of
from orchestrator.grammar import build_parser
from orchestrator.resolve import worker_setup
from orchestrator.run_state import best_model
from state.commit import load_commit
from state.run_folder import RunFolder
from state.seeds import derive_seed
from trainer.data import Dataset
from trainer.demo_corpus import write_demo_corpus

PROMPTS, HEATS, TOKENS = 8, 3, 24
ODD = NUM_TYPOS + NUM_OTHER_TOPICS
SHAPE = ["--dim", "16", "--heads", "2", "--layers", "1", "--block", "32", "--batch", "4"]

Report = dict[str, Any]


def train(folder: Path, seed: int, *words: str) -> Path:
    """A run of a model that has seen little, with a text and a seed of its own."""
    write_demo_corpus(folder / "text.txt", 100_000, seed)
    data = ["--data", str(folder / "text.txt"), "--seed", str(seed), "--device", "cpu"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
        patch.setenv("SYMBIO_BATTERY__PROMPTS", str(PROMPTS))
        patch.setenv("SYMBIO_BATTERY__MAX_NEW_TOKENS", str(TOKENS + seed))
        run = folder / "run"
        job = ["train", *data, *SHAPE, "--iters", "8", "--sample-interval", "0"]
        assert main([*job, "--plain", "--run-dir", str(run), *words]) == 0
    return run


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("ours"), 0, "--tokenizer", "byte")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("theirs"), 5, "--tokenizer", "char")


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    capsys.readouterr()
    assert main(["battery", *map(str, words)]) == 0
    return capsys.readouterr().out


def found(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Report:
    loaded: Report = json.loads(said(capsys, *words, "--json"))
    return loaded


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The one line of a command that ended with code 2."""
    capsys.readouterr()
    try:
        code = main(["battery", *map(str, words)])
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    (line,) = printed.err.splitlines()
    assert line.startswith("symbio-auto: error: ")
    return line


def test_the_report_is_of_every_prompt_at_every_temperature(
    ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = found(capsys, ours)
    plain = [one for one in report["samples"] if one["kind"] == "plain"]
    assert len(report["samples"]) == PROMPTS * HEATS + ODD
    asked = {(one["prompt"], one["temperature"]) for one in plain}
    assert len(asked) == len(plain) == PROMPTS * HEATS
    assert {one["temperature"] for one in plain} == {0.4, 0.7, 1.0}
    assert all(0 <= one["score"] <= 1 for one in report["samples"])
    scores = {name: one["score"] for name, one in report["probes"].items()}
    assert report["composite"] == pytest.approx(composite(scores))
    assert report["interval"][0] <= report["composite"] <= report["interval"][1]
    assert {name: one["weight"] for name, one in report["probes"].items()} == dict(WEIGHTS)
    assert set(report["probes"]["fluency"]["temperatures"]) == {"0.4", "0.7", "1"}
    assert set(report["probes"]["robustness"]["temperatures"]) == {"0.7"}
    best = best_model(restore(load_commit(RunFolder(ours)).record).run)
    assert report["beside"]["bits_per_byte"] == best.evaluation.bits_per_byte
    assert 0 <= report["beside"]["calibration_error"] <= 1
    assert report["version"] == COMPOSITE_VERSION
    assert report["tokens_per_sec"] > 0
    assert "compare" not in report


def test_only_the_speed_is_another_the_second_time(
    ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = found(capsys, ours, "--quick"), found(capsys, ours / "state.json", "--quick")
    assert {**first, "tokens_per_sec": 0} == {**second, "tokens_per_sec": 0}


def test_quick_asks_each_prompt_once(ours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = found(capsys, ours, "--quick")["samples"]
    plain = [one["prompt"] for one in samples if one["kind"] == "plain"]
    assert len(plain) == len(set(plain)) == PROMPTS
    assert len(samples) == PROMPTS + ODD


def test_the_text_is_for_people_and_fits_a_terminal(
    ours: Path, theirs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, ours, "--compare", theirs).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("composite 0.")
    for start in ("fluency ", "  bits per byte ", "  calibration error ", "  tokens/s "):
        assert sum(line.startswith(start) for line in lines) == 1 + (start == "fluency ")
    assert "the best samples" in lines
    assert "the worst samples" in lines
    assert sum(line.startswith("    > <|user|> ") for line in lines) == 6
    assert "  the corpora differ; both are asked and judged by the text of this run" in lines


def test_a_model_compared_with_itself_does_not_differ(
    ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = found(capsys, ours, "--compare", ours)
    against = report["compare"]
    assert against["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert against["composite"] == report["composite"]
    assert set(against["probes"].values()) == {0.0}
    assert against["paired"] is True
    assert (against["same_corpus"], against["same_tokenizer"]) == (True, True)
    shown = said(capsys, ours, "--compare", ours)
    assert "not shown to differ" in shown
    assert "the corpora differ" not in shown


def test_the_other_model_is_asked_and_judged_as_this_one(
    ours: Path, theirs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    judges: list[Path] = []
    write = inference_battery.battery.write_answers

    def write_answers(*arguments: Any) -> Any:  # noqa: ANN401
        asked.append(arguments)
        return write(*arguments)

    def judge(dataset: Dataset) -> Any:  # noqa: ANN401
        judges.append(dataset.folder)
        return reference_of(dataset)

    monkeypatch.setattr(inference_battery.battery, "write_answers", write_answers)
    monkeypatch.setattr("orchestrator.commands.battery.reference_of", judge)
    report = found(capsys, ours, "--compare", theirs, "--quick")
    ((_, codec, questions, sampling, _),) = asked
    assert codec.kind == "char"
    assert [one.prompt for one in questions] == [one["prompt"] for one in report["samples"]]
    assert (sampling.seed, sampling.max_new_tokens) == (derive_seed(0, "battery"), TOKENS)
    assert sampling.end_of_text_id == codec.end_of_text_id
    assert judges == [ours / "data"]


def test_a_positive_difference_speaks_for_this_run(
    ours: Path, theirs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = found(capsys, ours, "--compare", theirs)
    against = report["compare"]
    difference = against["difference"]
    assert difference["mean"] == pytest.approx(report["composite"] - against["composite"])
    assert difference["low"] < difference["high"]
    assert set(against["probes"]) == set(WEIGHTS)
    assert against["run"] == str(theirs)
    assert (against["same_corpus"], against["same_tokenizer"]) == (False, False)
    assert against["paired"] is True


def test_prompts_of_the_users_own_take_the_place_of_the_runs(
    ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "prompts.txt"
    path.write_bytes("\ufeffWhere is the bell?\n\n  Où est Zoë? \r\nWhere is the bell?\n".encode())
    samples = found(capsys, ours, "--prompts", path, "--quick")["samples"]
    plain = [one["prompt"] for one in samples if one["kind"] == "plain"]
    assert plain == [
        "<|user|> Where is the bell? <|assistant|>",
        "<|user|> Où est Zoë? <|assistant|>",
    ]


def test_a_bad_file_of_prompts_is_one_line(
    ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = {
        b"": "holds no prompt; write one a line",
        b" \n\n\t": "holds no prompt; write one a line",
        b"Who?\n\xff\xfe": "is not UTF-8 (byte 5); give a UTF-8 text",
        b"\n".join(b"%d" % i for i in range(MAX_PROMPTS + 1)): "holds 1,001 prompts; give at most",
        b"a" * (MAX_FILE_BYTES + 1): "has more than 1,000,000 bytes; give a UTF-8 text",
    }
    path = tmp_path / "prompts.txt"
    for content, message in contents.items():
        path.write_bytes(content)
        assert f"prompts.txt {message}" in refused(capsys, ours, "--prompts", path)
    assert "Is a directory; give a UTF-8 text" in refused(capsys, ours, "--prompts", tmp_path)
    line = refused(capsys, ours, "--prompts", tmp_path / "absent")
    assert "No such file or directory; give a UTF-8 text with one prompt a line" in line
    assert "not a file's name" in refused(capsys, ours, "--prompts", "a\0b")


def test_what_is_no_run_is_refused(
    ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "state.json does not exist" in refused(capsys, tmp_path)
    absent = tmp_path / "absent"
    assert "is neither a run folder nor its state.json" in refused(capsys, absent)
    assert "absent is neither a run" in refused(capsys, ours, "--compare", absent)


@pytest.mark.parametrize("name", ["train.txt", "search.txt", "search.bin", "tokenizer.json"])
def test_a_model_is_not_judged_by_a_damaged_text(
    ours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    shutil.copytree(ours, tmp_path / "run")
    content = bytearray((tmp_path / "run" / "data" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "run" / "data" / name).write_bytes(content)
    assert f"{name} is missing or damaged" in refused(capsys, tmp_path / "run")
    assert f"{name} is missing or damaged" in refused(capsys, ours, "--compare", tmp_path / "run")


def test_a_run_of_the_main_job_is_tried_too(
    trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    report = found(capsys, trained.root)
    best = best_model(restore(load_commit(trained).record).run)
    assert report["beside"]["bits_per_byte"] == best.evaluation.bits_per_byte
    assert len({one["prompt"] for one in report["samples"] if one["kind"] == "plain"}) == 1


def test_the_main_jobs_flag_reads_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("One day\n\n The sea \n", encoding="utf-8")
    given = build_parser().parse_args(["--data", "x", "--prompts", str(path)])
    assert settings_of(given)["battery"] == {"questions": ["One day", "The sea"]}
    with pytest.raises(SystemExit) as leaving:
        main(["--data", "x", "--prompts", str(tmp_path)])
    assert leaving.value.code == 2
    assert "Is a directory; give a UTF-8 text" in capsys.readouterr().err


def test_a_runs_own_questions_are_prompts_of_its_domain(ours: Path) -> None:
    folder = RunFolder(ours)
    dataset = Dataset(folder.data)
    questions = ("Who?", "<|user|> Who? <|assistant|>", "<|user|> Why")
    changes = {"battery_questions": questions, "battery_temperatures": (1.0,)}
    config = restore(load_commit(folder).record).config
    setup = worker_setup(config, folder).model_copy(update=changes)

    def plain(*prompts: str) -> list[str]:
        asked = run_questions(dataset, setup, whole=True, prompts=prompts)
        return [one.prompt for one in asked if one.kind == "plain"]

    assert plain() == ["<|user|> Who? <|assistant|>", "<|user|> Why"]
    assert plain("When?") == ["<|user|> When? <|assistant|>"]
    dataset.manifest = dataset.manifest.model_copy(update={"domain": "text"})
    assert plain() == list(questions)
