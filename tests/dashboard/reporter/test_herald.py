"""What people are told of a run, and what they are not told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from dashboard.reporter.notify import texts
from dashboard.reporter.notify.channel import HOUR_SECONDS, Channel, HourlyLimit, Message
from dashboard.reporter.notify.herald import Herald
from state.journal import Journal
from state.metrics_store import MetricsStore
from state.records import Decision, Finding, Sample
from state.run_folder import RunFolder
from tests.dashboard.reporter.processes import Listener, listener, until

HOSTILE = "a\x1b[31m\u202e@everyone <script>\n# head " + "x" * 5000


class Told:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def take(self) -> list[str]:
        """Titles and texts since the last time."""
        taken = [f"{one.title}: {one.body}" for one in self.messages]
        self.messages.clear()
        return taken


class Script:
    """A run's log and store, line by line."""

    def __init__(self, folder: RunFolder, store: MetricsStore) -> None:
        self.folder, self.store, self.now = folder, store, 0.0
        self._log = Journal(folder.log)

    def say(self, kind: str, **data: JsonValue) -> None:
        self._log.append([{"at": "2026-01-01T00:00:00+00:00", "kind": kind, **data}])

    def sample(self, step: int, text: str = "text", generation: int = 1) -> None:
        sample = Sample(prompt="Once", temperature=0.8, text=text, ended=False)
        self.store.record_samples("r", "cambrian", generation, step, [sample, sample])
        self.say("chunk", phase="cambrian")


@contextmanager
def script(folder: Path) -> Iterator[Script]:
    run = RunFolder(folder / "my-run")
    run.root.mkdir()
    with MetricsStore.open(run.metrics_db, writer=True) as store:
        yield Script(run, store)


def herald_of(run: Script, told: Told, interval: int = 100, log_bytes: int = 0) -> Herald:
    return Herald(
        run.folder, told, sample_interval=interval, log_bytes=log_bytes, clock=lambda: run.now
    )


def test_a_run_from_its_start_to_its_end(tmp_path: Path) -> None:
    told = Told()
    with script(tmp_path) as run:
        herald = herald_of(run, told)
        run.say("started", run_id="r", budget=500)
        herald.look()
        assert told.take() == [], "the run's row says more"
        run.store.record_run("r", {}, "gelu(x)", "chat")
        herald.look()
        assert told.take() == ["my-run started: 500 steps on chat beginning with gelu(x)"]
        run.sample(10)
        run.say(
            "gate",
            phase="cambrian",
            verdict="pass",
            reason="better",
            bits_per_byte=2.5,
            formula="silu(x)",
        )
        herald.look()
        (gate,) = told.take()
        assert gate == (
            "my-run gate: cambrian: pass at 2.5000 bits per byte with silu(x)\nbetter\n> Once\ntext"
        )
        run.say("finished", test_bits_per_byte=2.25, formula="silu(x)")
        herald.look()
        herald.end("finished")
        report = run.folder.report_markdown
        assert told.take() == [
            f"my-run finished: 2.2500 bits per byte on the test split with silu(x)\nreport {report}"
        ]
        herald.close()


def test_samples_come_every_so_many_steps_and_at_most_once_a_minute(tmp_path: Path) -> None:
    told = Told()
    with script(tmp_path) as run:
        herald = herald_of(run, told)
        run.store.record_run("r", {}, "gelu(x)", "chat")
        heard = []
        for now, step in ((0, 60), (1, 120), (2, 250), (70, 251), (140, 300), (210, 301)):
            run.now = now
            run.sample(step, generation=step)
            herald.look()
            heard.append(len(told.take()))
        assert heard == [0, 1, 0, 1, 0, 0]
        quiet = herald_of(run, told, interval=0)
        quiet.look()
        assert not told.take()
        herald.close()
        quiet.close()


def test_findings_regressions_and_slowness_are_told_once(tmp_path: Path) -> None:
    told = Told()
    finding = Finding(detector="instability", severity=0.3, reason="5 of 9", value=1, limit=0)
    with script(tmp_path) as run:
        run.store.record_run("r", {}, "gelu(x)", "chat")
        herald = herald_of(run, told, interval=0)
        run.say("resumed", generation=3)
        for generation in (2, 3, 4):
            run.store.record_findings("r", "cambrian", generation, [finding])
        for index, (kind, reason) in enumerate(
            [("adapt", "instability: 5 of 9"), ("continue", "well"), ("revert", "worse")]
        ):
            decision = Decision.model_validate(
                {"phase": "cambrian", "generation": 2 + index, "kind": kind, "reason": reason}
            )
            run.store.record_decision("r", index, decision)
        run.say("generation", phase="cambrian", generation=4)
        run.say("throughput_recovered", phase="cambrian", generation=4, tokens_per_sec=7)
        run.say("warning", message="harmless")
        herald.look()
        assert told.take() == [
            "my-run resumed: goes on with generation 3",
            "my-run regression: cambrian, generation 4: revert, worse\n"
            "cambrian, generation 4: instability, 5 of 9",
            "my-run watchdog: cambrian, generation 3: instability, 5 of 9",
        ]
        run.say("phase_slow", phase="cambrian")
        run.say("generation", phase="cambrian", generation=4)
        herald.look()
        assert told.take() == ["my-run watchdog: phase_slow: phase=cambrian"]
        herald.end("stopped")
        herald.end("died")
        stopped, died = told.take()
        assert stopped.endswith(f"resume with: symbio-auto --resume {run.folder.state}")
        assert died.startswith("my-run died: its process was killed")
        herald.close()


def test_what_was_said_before_the_run_went_on_is_not_told_again(tmp_path: Path) -> None:
    told = Told()
    with script(tmp_path) as run:
        run.store.record_run("r", {}, "gelu(x)", "chat")
        run.say("started", run_id="r", budget=500)
        herald = herald_of(run, told, log_bytes=run.folder.log.stat().st_size)
        herald.look()
        assert not told.take()
        herald.close()


@given(text=st.text(max_size=400) | st.just(HOSTILE))
def test_foreign_text_is_one_short_line_that_calls_nobody(text: str) -> None:
    shown = texts.foreign(text)
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= 2 * texts.MOST_CHARACTERS
    assert "\x1b" not in shown
    assert "@e" not in shown


def test_a_limit_of_messages_an_hour() -> None:
    now = [0.0]
    limit = HourlyLimit(2, lambda: now[0])
    assert [limit.allows() for _ in range(3)] == [True, True, False]
    now[0] = HOUR_SECONDS
    assert limit.allows()


@pytest.fixture
def people() -> Iterator[Listener]:
    with listener() as hearing:
        yield hearing


def test_a_channel_leaves_out_what_is_too_much_and_says_so(people: Listener) -> None:
    said: list[str] = []
    channel = Channel([people.url], said.append, most=1)
    for number in range(3):
        channel.send(Message("t", f"body {number}"))
    channel.send(Message("end", HOSTILE, must_come=True))
    channel.close(20)
    assert people.messages[0][1] == "body 0"
    assert len(people.messages) == 2
    assert people.messages[1][1].endswith("(2 messages before this one were left out)")
    assert not said


def test_an_address_that_takes_nothing_costs_a_line_that_does_not_name_it(
    people: Listener, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    people.answers = 500
    channel = Channel(["nonsense://channel-secret", people.url], said.append)
    channel.send(Message("start", "body"))
    channel.close(20)
    until(lambda: len(said) == 2, 5)
    assert said == [
        "notification address 1 cannot be used",
        "notification address 2 did not take 'start'",
    ]
    assert "channel-secret" not in "".join(capfd.readouterr())
