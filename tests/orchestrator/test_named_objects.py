"""What a commit holds and names: the whole state, and every string of it that is a sha256."""

from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from orchestrator.commits import restore, sha256s_in
from orchestrator.run_state.growing import growing_lists
from state.commit import load_commit
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config

SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
NEARLY = st.builds("".join, st.tuples(st.text('"\\:a0, ', max_size=3), SHA256, st.text('"\\:a0')))
TEXTS = st.text(max_size=5) | SHA256 | NEARLY
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)


def strings(value: JsonValue) -> Iterator[str]:
    """Every string but the names of entries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@settings(deadline=None)
@given(VALUES)
def test_they_are_found_wherever_they_stand(value: JsonValue) -> None:
    found = {
        text for text in strings(value) if len(text) == 64 and not text.strip("0123456789abcdef")
    }
    assert sha256s_in(value) == found


def test_a_commit_holds_the_whole_state(tmp_path: Path) -> None:
    """Its growing lists are encoded apart, and name nothing."""
    run = ScriptedRun(tmp_path, make_config(), ScriptedEngine(tmp_path))
    run.engine.stop_after = 20
    state = run.play()
    record = load_commit(run.folder, verify_objects=False).record
    assert digest(restore(record).run) == digest(state)
    assert record.objects.keys() == sha256s_in(state.model_dump(mode="json"))
    lists = growing_lists(state)
    assert {place[-1] for place, values in lists.items() if values} >= {"known", "bits_history"}
