"""Runs that are begun with somebody to tell, through the command line."""

import os
import tarfile
import threading
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from dashboard.reporter.launch import Companion, wanted
from orchestrator.cli import main
from state.run_folder import RunFolder
from tests.dashboard.reporter.processes import listener
from tests.dashboard.reporter.receivers import SECRET, HttpServer, Store
from tests.dashboard.reporter.reported_runs import same
from trainer.demo_corpus import write_demo_corpus

SHAPE = ["--dim", "8", "--heads", "2", "--layers", "1", "--block", "16", "--batch", "4"]
ENGINE = ["--engine", "inline", "--device", "cpu", "--tokenizer", "byte", "--plain"]
INTERVALS = ["--iters", "6", "--eval-interval", "3", "--sample-interval", "3"]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
    monkeypatch.setenv("SYMBIO_BATTERY__MAX_NEW_TOKENS", "4")
    for name in ("SYMBIO_REMOTE_URL", "SYMBIO_NOTIFY_URLS", "DISCORD_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "corpus.txt"
    write_demo_corpus(path, 9_000)
    return path


def train(corpus: Path, *words: str) -> int:
    return main(
        ["train", "--data", str(corpus), "--run-dir", "run", *SHAPE, *ENGINE, *INTERVALS, *words]
    )


class CommandLines(threading.Thread):
    """Collects the arguments of every process below this one."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                try:
                    self.seen.add(" ".join(child.cmdline()))
                except psutil.Error:
                    continue


def test_a_run_reports_notifies_and_sends_its_model_and_no_file_says_where(
    corpus: Path,
    server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SYMBIO_REMOTE_URL", server.url)
    monkeypatch.setenv("SYMBIO_REMOTE_SECRET", SECRET)
    lines = CommandLines()
    lines.start()
    with listener() as people:
        assert train(corpus, "--notify", people.url, "--upload-checkpoint") == 0
        lines.over.set()
        lines.join()
        titles = [title for title, _ in people.messages]
        folder = RunFolder(Path("run"))
        assert titles[0] == "run started"
        assert titles[-1] == "run finished"
        assert people.told("step 6") or people.told("step 3")
        assert str(folder.report_markdown.absolute()) in people.told("finished")[0]
    same(server.store.tables, folder)
    (file,) = server.store.files.values()
    with tarfile.open(fileobj=BytesIO(bytes(file))) as archive:
        weights = archive.extractfile("run/model.safetensors")
        assert weights is not None
        assert weights.read() == (folder.model / "model.safetensors").read_bytes()
    printed = "".join(capsys.readouterr())
    hidden = (SECRET, "channel-secret", server.url)
    kept = [path for path in folder.root.rglob("*") if path.is_file()]
    contents = [path.read_bytes() for path in kept]
    assert any("dashboard.reporter" in line for line in lines.seen)
    for value in hidden:
        assert not any(value.encode() in content for content in contents), value
        assert value not in printed
        assert not any(value in line for line in lines.seen), value
    assert os.environ["SYMBIO_REMOTE_URL"] == server.url


@pytest.mark.parametrize(
    ("words", "variables", "wrong"),
    [
        (["--notify", "nonsense://channel-secret"], {}, "--notify is not one that Apprise"),
        (["--notify", "json://h", "--notify", "channel-secret"], {}, "--notify address 2 of 2 is"),
        (["--notify", "json://h/channel-secret", "--no-notify"], {}, "contradict each other"),
        (["--upload-checkpoint"], {}, "--upload-checkpoint needs a server"),
        ([], {"SYMBIO_REMOTE_URL": "channel-secret"}, "SYMBIO_REMOTE_URL is not the address"),
        ([], {"SYMBIO_REMOTE_URL": "http://channel-secret"}, "SYMBIO_REMOTE_SECRET is not set"),
    ],
)
@pytest.mark.parametrize("command", [[], ["train"]])
def test_what_nobody_can_be_told_with_is_refused_before_anything_is_written(
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    words: list[str],
    variables: dict[str, str],
    wrong: str,
) -> None:
    monkeypatch.delenv("SYMBIO_REMOTE_SECRET", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main([*command, "--data", str(corpus), "--run-dir", "run", *words]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("symbio-auto: error: ")
    assert printed.err.count("\n") == 1
    assert wrong in printed.err
    assert "channel-secret" not in printed.err
    assert [path.name for path in corpus.parent.iterdir()] == [corpus.name]


def test_push_says_that_a_server_has_all_only_once_it_has_asked(
    finished: RunFolder,
    server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["push", str(finished.root), "--to", server.url]
    monkeypatch.setenv("SYMBIO_REMOTE_SECRET", SECRET)
    assert main(command) == 0
    same(server.store.tables, finished)
    assert main(command) == 0
    assert "sent 0 rows" in capsys.readouterr().out
    monkeypatch.setenv("SYMBIO_REMOTE_SECRET", "something-wrong")
    assert main(command) == 2
    assert "refuses to take rows" in capsys.readouterr().err
    monkeypatch.setenv("SYMBIO_REMOTE_SECRET", SECRET)
    server.store = Store()
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "the server has lost the run" in printed.out + printed.err
    assert "sent 0 rows" not in printed.out
    same(server.store.tables, finished)


def test_push_refuses_what_it_cannot_send(
    finished: RunFolder,
    server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SYMBIO_REMOTE_URL", raising=False)
    monkeypatch.setenv("SYMBIO_REMOTE_SECRET", "something-wrong")
    run = str(finished.root)
    for words, wrong in (
        ([run], "no server is named"),
        ([run, "--to", "nowhere"], "--to is not the address of a server"),
        ([run, "--to", server.url], "the server refuses to take rows: it answers 401"),
        (["nothing", "--to", server.url], "is neither a run folder"),
    ):
        assert main(["push", *words]) == 2
        line = capsys.readouterr().err
        assert wrong in line
        assert line.count("\n") == 1
        assert "something-wrong" not in line
    monkeypatch.setenv("SYMBIO_REMOTE_SECRET", SECRET)
    assert main(["push", run, "--to", server.url, "--upload-checkpoint"]) == 2
    assert "holds no model" in capsys.readouterr().err
    same(server.store.tables, finished)


def test_nobody_is_told_where_nobody_wants_to_be(tmp_path: Path) -> None:
    server = {"SYMBIO_REMOTE_URL": "http://h", "SYMBIO_REMOTE_SECRET": "s"}
    assert wanted({}) is None
    assert wanted(server, no_remote=True) is None
    assert wanted({"DISCORD_WEBHOOK_URL": "x"}, no_notify=True) is None
    both = wanted({**server, "SYMBIO_NOTIFY_URLS": "json://a json://b"}, notify=["json://c"])
    assert both is not None
    assert both.environment["SYMBIO_NOTIFY_URLS"] == "json://a json://b json://c"
    assert "json" not in repr(both)
    with pytest.raises(ValueError, match="--sample-interval -1 is negative"):
        wanted({}, sample_interval=-1)


def test_a_machine_that_starts_no_process_gets_no_reporter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "missing"))
    asked = wanted({"SYMBIO_REMOTE_URL": "http://h", "SYMBIO_REMOTE_SECRET": "s"})
    assert asked is not None
    companion = Companion.start(asked, RunFolder(tmp_path))
    assert not companion.is_started
    assert companion.leave() == ""
