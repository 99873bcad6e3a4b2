"""report.html of a run: whole, of one file, and safe whatever the run holds."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

from orchestrator.cli import main
from orchestrator.commits import Saved, restore
from orchestrator.figures.panels import Curve, Panel, panels_figure
from orchestrator.figures.style import NothingToDraw
from orchestrator.report.finish import AnyReport, report_of
from orchestrator.report.page import draw as drawing
from orchestrator.report.page import train_plots
from orchestrator.report.page.clock import Clock, clock_of
from orchestrator.report.page.draw import Drawing, draw
from orchestrator.report.page.evidence import Evidence, read_evidence
from state.commit import CommitRecord, load_commit
from state.metrics_store import MetricsStore
from state.records import Genome, MemberRecord, Sample, StepMetrics
from state.run_folder import RunFolder

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)> </pre></code> $x^2$ {{ 7*7 }}'
VOID = {"meta", "br", "img", "link"}


class Run(NamedTuple):
    """A finished run and what the page is drawn from."""

    folder: RunFolder
    record: CommitRecord
    saved: Saved
    report: AnyReport


def loaded(folder: RunFolder) -> Run:
    record = load_commit(folder, verify_objects=False).record
    saved = restore(record)
    return Run(folder, record, saved, report_of(folder, saved))


@pytest.fixture(scope="module")
def hostile(trained: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of a run, with text in it that wants to be obeyed."""
    root = tmp_path_factory.mktemp("page") / "run"
    folder = RunFolder(Path(shutil.copytree(trained.root, root)))
    run = loaded(folder)
    with MetricsStore.open(folder.metrics_db, writer=True) as store:
        run_id = run.saved.run.run_id
        for generation, text in ((0, "early"), (99, EVIL)):
            one = Sample(prompt=EVIL, temperature=0.5, text=text, ended=False)
            store.record_samples(run_id, "homeostasis", generation, generation, [one])
        store.record_members(run_id, [accepted(EVIL, 1), accepted("0.5*silu(x)", 1)])
        store.record_event(run_id, 9_999, "warning", {"message": EVIL})
    config = run.saved.config
    data = config.data.model_copy(update={"paths": (EVIL,)})
    saved = run.saved.model_copy(update={"config": config.model_copy(update={"data": data})})
    summary = run.report.data.model_copy(update={"path": EVIL})
    return run._replace(
        saved=saved, report=run.report.model_copy(update={"data": summary, "command": EVIL})
    )


def accepted(formula: str, generation: int) -> MemberRecord:
    return MemberRecord(
        member_id=f"g00001-{len(formula)}",
        phase="primordial",
        generation=generation,
        lineage=0,
        role="challenger",
        genome=Genome(formula=formula),
        parents=(EVIL,),
        operator=EVIL,
        bits_per_byte=2.0,
        gain=0.02,
        gain_limit=0.01,
        status="accepted",
    )


@pytest.fixture(scope="module")
def drawn(hostile: Run) -> Drawing:
    return draw(*hostile)


@pytest.fixture(scope="module")
def page(drawn: Drawing) -> str:
    return drawn.page.read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Every tag with its attributes; `faults` are tags that do not close."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_foreign_text_is_shown_and_not_obeyed(page: str) -> None:
    tags = Tags(page)
    assert tags.faults == []
    names = {name for name, _ in tags.tags}
    assert not names & {"script", "img", "iframe", "object", "link", "form"}
    assert not [attrs for _, attrs in tags.tags if any(name.startswith("on") for name in attrs)]
    shown = " ".join(tags.text.split())
    # In the path, the command, the prompt, the sample, a formula, an operator and an event.
    assert shown.count("<script>alert(1)</script>") >= 7
    assert "{{ 7*7 }}" in shown
    assert "$x^2$" in shown


def test_the_page_is_one_file(page: str) -> None:
    tags = Tags(page)
    links = [
        attrs[name]
        for _, attrs in tags.tags
        for name in ("href", "xlink:href", "src")
        if name in attrs
    ]
    assert links
    assert all(link and link.startswith("#") for link in links)
    assert not re.search(r"url\((?!#)|@import|@font-face", page)


def test_every_link_leads_to_something_and_every_id_is_there_once(page: str) -> None:
    tags = Tags(page)
    ids = [attrs["id"] for _, attrs in tags.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {str(attrs["href"])[1:] for name, attrs in tags.tags if name == "a"}
    assert wanted <= set(ids)


def test_every_figure_says_what_it_shows(page: str, drawn: Drawing) -> None:
    assert drawn.problems == ()
    tags = Tags(page).tags
    vectors = [attrs for name, attrs in tags if name == "svg"]
    assert len(vectors) == len(drawn.figures) == sum(name == "figcaption" for name, _ in tags)
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in vectors)


def test_report_md_shows_the_figures_that_were_drawn(hostile: Run, drawn: Drawing) -> None:
    text = hostile.folder.report_markdown.read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(figures/(\w+)\.png\)", text)
    assert sorted(shown) == sorted(drawn.figures)
    assert all((hostile.folder.figures / f"{name}.png").is_file() for name in shown)


def nothing_but(monkeypatch: pytest.MonkeyPatch, **makers: drawing.Maker) -> None:
    monkeypatch.setattr(drawing, "OF_PHASES", makers)


def cheap(seen: Evidence, clock: Clock) -> Figure:
    steps = clock.spans[-1].end
    line = np.array([0.0, steps])
    return panels_figure([Panel("steps", (Curve("steps", line, line),))])


def test_the_same_run_gives_the_same_bytes(
    hostile: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(Path(shutil.copytree(hostile.folder.root, tmp_path / "run")))
    nothing_but(monkeypatch, course=drawing.OF_PHASES["course"], cost=drawing.OF_PHASES["cost"])
    drawn = draw(folder, *hostile[1:])
    before = {path: path.read_bytes() for path in (drawn.page, *folder.figures.iterdir())}
    assert len(before) == 3
    draw(folder, *hostile[1:])
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in folder.root.iterdir() if path.suffix == ".tmp"]


def broken(seen: Evidence, clock: Clock) -> Figure:
    raise ZeroDivisionError("what\never\x1b[31m")


def test_a_figure_that_fails_costs_a_line_and_itself(
    trained: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = RunFolder(Path(shutil.copytree(trained.root, tmp_path / "run")))
    monkeypatch.delenv("SYMBIO_NO_FIGURES", raising=False)
    nothing_but(monkeypatch, course=cheap, gains=broken)
    assert main(["report", str(folder.root), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["run_id"]
    assert told.err.splitlines()[0] == "symbio-auto: figure gains could not be drawn: what"
    page = folder.page.read_text(encoding="utf-8")
    assert 'id="figure-course"' in page
    assert 'id="figure-gains"' not in page
    assert "figures/gains.png" not in folder.report_markdown.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_costs_a_line(
    trained: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = RunFolder(Path(shutil.copytree(trained.root, tmp_path / "run")))
    folder.figures.write_text("in the way", encoding="utf-8")
    monkeypatch.delenv("SYMBIO_NO_FIGURES", raising=False)
    nothing_but(monkeypatch, course=cheap)
    assert main(["--resume", str(folder.root)]) == 0
    told = capsys.readouterr()
    assert told.err.startswith("symbio-auto: the page could not be drawn: ")
    assert len(told.err.splitlines()) == 1
    assert "page    " not in told.out
    assert "is finished" in told.out


def test_a_run_that_goes_on_has_a_page_so_far(
    hostile: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_but(monkeypatch, course=cheap)
    folder = RunFolder(Path(shutil.copytree(hostile.folder.root, tmp_path / "run")))
    state = hostile.saved.run
    update = {"final": None, "winner": None, "status": "running", "summaries": state.summaries[:2]}
    saved = hostile.saved.model_copy(update={"run": state.model_copy(update=update)})
    drawn = draw(folder, hostile.record, saved, None)
    assert drawn.problems == ()
    page = drawn.page.read_text(encoding="utf-8")
    assert Tags(page).faults == []
    assert "so far</h1>" in page
    assert "The test split stays closed until its end" in page
    assert 'id="reproduce"' not in page


def test_the_run_itself_never_loads_what_draws() -> None:
    program = (
        "import sys, orchestrator.controller, orchestrator.commands.train_run, "
        "orchestrator.commands.report, orchestrator.report.finish\n"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_run_of_one_model_shows_what_its_store_has(hostile: Run) -> None:
    seen = read_evidence(*hostile)
    row = StepMetrics(
        phase="training",
        generation=0,
        member_id="host",
        step=1,
        loss=3.0,
        learning_rate=0.1,
        grad_norm=None,
        clip_coef=None,
        clip_pct=None,
        skipped=False,
        tokens_per_sec=10.0,
        ms_per_step=1.0,
    )
    rows = tuple(
        row.model_copy(update={"step": n, "cusum_clip_pos": float(n), "cusum_alerts": 4 * (n > 8)})
        for n in range(1, 11)
    )
    seen = seen._replace(steps=rows)
    clock = clock_of((), ())
    charts = train_plots.charts(seen, clock).axes
    assert [axes.get_title(loc="left") for axes in charts if axes.get_visible()] == ["clipping"]
    alarms = [line for line in charts[0].get_lines() if line.get_label() == "alarm"]
    assert [np.asarray(line.get_xdata()).tolist() for line in alarms] == [[9.0, 9.0]]
    with pytest.raises(NothingToDraw):
        train_plots.instruments(seen, clock)
    panels = train_plots.telemetry(seen, clock).axes
    shown = [axes.get_title(loc="left") for axes in panels if axes.get_visible()]
    assert shown == ["learning rate", "tokens per second"]
