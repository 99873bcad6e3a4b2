"""`symbio-auto chat`: a talk over standard input."""

import io
from pathlib import Path

import pytest

import inference_battery.generation
from inference_battery.generation import Generated, Request
from orchestrator.cli import main
from trainer.demo_corpus import write_demo_corpus
from trainer.tokenizer import NUM_CONTROLS

SHAPE = ["--dim", "16", "--heads", "2", "--layers", "1", "--block", "32", "--batch", "4"]


def train(folder: Path, *words: str) -> Path:
    """A run of a model that has seen little."""
    write_demo_corpus(folder / "text.txt", 12_000, 0)
    job = ["train", "--data", str(folder / "text.txt"), "--device", "cpu", *SHAPE, *words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
        run = folder / "run"
        shown = ["--sample-interval", "0", "--plain", "--run-dir", str(run)]
        assert main([*job, "--iters", "8", "--tokenizer", "byte", *shown]) == 0
    return run


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("dialogue"))


@pytest.fixture(scope="module")
def prose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("prose"), "--domain", "text")


class Parrot:
    """Answers with its turn, and remembers what it was asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        patch.setattr(inference_battery.generation, "answer", self.answer)

    def answer(self, model: object, requests: list[Request], sampling: object) -> list[Generated]:
        del model, sampling
        (request,) = requests
        tokens = [token for token in request.prompt if token >= NUM_CONTROLS]
        prompt = bytes(token - NUM_CONTROLS for token in tokens)
        self.asked.append(prompt.decode())
        said = f" Turn {len(self.asked)}.".encode()
        return [Generated(tuple(byte + NUM_CONTROLS for byte in said), ended=True)]


def talk(
    patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: Path, text: str, *words: str
) -> list[str]:
    """What is said to the lines of `text`."""
    patch.setattr("sys.stdin", io.StringIO(text))
    capsys.readouterr()
    assert main(["chat", str(run), *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_dialogue_is_told_all_that_was_said(
    dialogue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parrot = Parrot(monkeypatch)
    assert talk(monkeypatch, capsys, dialogue, "Who?\nWhy?\n") == ["Turn 1.", "Turn 2."]
    assert [one.split() for one in parrot.asked] == [["Who?"], ["Who?", "Turn", "1.", "Why?"]]


def test_new_forgets_what_was_said(
    dialogue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parrot = Parrot(monkeypatch)
    talk(monkeypatch, capsys, dialogue, "Who?\n/new\nWhy?\n")
    assert [one.split() for one in parrot.asked] == [["Who?"], ["Why?"]]


def test_a_model_of_prose_goes_on_from_what_was_written_last(
    prose: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parrot = Parrot(monkeypatch)
    talk(monkeypatch, capsys, prose, "It was\nthen\n")
    assert parrot.asked == ["It was", "It was Turn 1. then"]


@pytest.mark.parametrize("end", ["", "\n", "/quit\n", "/exit\nWhy?\n", "\nWhy?\n"])
def test_an_empty_line_and_the_end_of_the_input_leave(
    dialogue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    Parrot(monkeypatch)
    assert talk(monkeypatch, capsys, dialogue, f"Who?\n{end}") == ["Turn 1."]


def test_the_same_seed_says_the_same_and_another_one_something_else(
    dialogue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "Who?\nWhy?\n"
    first, again, other = (
        talk(monkeypatch, capsys, dialogue, lines, "--tokens", "12", "--seed", seed)
        for seed in ("1", "1", "2")
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tokens", "0"], "--tokens 0 is out of range; give 1 to 10,000"),
        (["--temperature", "11"], "--temperature 11 is out of range; give 0 to 10"),
    ],
)
def test_a_setting_out_of_range_is_one_line(
    dialogue: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    capsys.readouterr()
    assert main(["chat", str(dialogue), *words]) == 2
    assert capsys.readouterr().err == f"symbio-auto: error: {message}\n"


def test_a_folder_that_is_no_run_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
