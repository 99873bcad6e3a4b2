"""Any file given as --config is a table of settings or is refused with one line."""

import json
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, JsonValue

from orchestrator.config import RunConfig
from orchestrator.phases import SIX_PHASES
from tests.fuzz.conftest import Fuzz
from tests.fuzz.mutations import altered, as_json, damaged, json_values
from tests.fuzz.program import Verdict, call, tree, verdict
from trainer.demo_corpus import write_demo_corpus

ROOT = Path(__file__).parent.parent.parent
SUFFIXES = (".toml", ".json", ".yaml", ".yml", "", ".txt")
COMPLETE: JsonValue = json.loads(RunConfig(phases=SIX_PHASES).model_dump_json())
TEXTS = (
    (ROOT / "configs/smoke.toml").read_bytes(),
    b"budget: 100\nmodel: &shape {dim: 32, heads: 2}\ndata: {paths: [a.txt, 'b.txt']}\n",
    b'{"budget": 100, "optimizer": {"lr": 0.001}, "control": ["gelu"]}',
)


@pytest.fixture
def corpus(sandbox: Path) -> Path:
    path = sandbox / "corpus.txt"
    write_demo_corpus(path, 20_000)
    return path


def planned(sandbox: Path, name: str, content: bytes) -> Verdict:
    """The verdict on a file, which is left alone like everything else."""
    path = sandbox / name
    path.write_bytes(content)
    before = tree(sandbox)
    found = verdict(call("plan", "--no-probe", "--data", "corpus.txt", "--config", name))
    assert tree(sandbox) == before
    path.unlink()
    return found


def tables(kind: type[BaseModel] = RunConfig) -> SearchStrategy[dict[str, JsonValue]]:
    """Tables with the names of real settings and any values."""
    fields = {
        name: tables(field.annotation) | json_values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        else json_values()
        for name, field in kind.model_fields.items()
    }
    return st.fixed_dictionaries({}, optional=fields)


def test_a_table_of_any_values_is_planned_or_refused(
    fuzz: Fuzz, sandbox: Path, corpus: Path
) -> None:
    def check(value: JsonValue) -> Verdict:
        return planned(sandbox, "run.json", as_json(value))

    fuzz(altered(COMPLETE) | tables() | json_values(), check, share=0.5)


def test_any_bytes_are_planned_or_refused(fuzz: Fuzz, sandbox: Path, corpus: Path) -> None:
    def check(case: tuple[str, bytes]) -> Verdict:
        suffix, content = case
        return planned(sandbox, f"run{suffix}", content)

    content = st.binary(max_size=200) | st.sampled_from(TEXTS).flatmap(damaged)
    fuzz(st.tuples(st.sampled_from(SUFFIXES), content), check, share=0.5)


BOMB = "\n".join(
    ["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
)

HOSTILE = {
    "bomb.yaml": f"{BOMB}\nseed: *a59\n",
    "bomb-in-a-table.yaml": f"{BOMB}\nmodel: {{dim: *a59}}\n",
    "bomb-as-preset.yaml": f"{BOMB}\npreset: *a59\n",
    "cycle.yaml": "model: &a {model: *a}\n",
    "cyclic-list.yaml": "seed: &a [*a]\n",
    "object.yaml": "seed: !!python/object/apply:os.system ['touch pwned']\n",
    "name.yaml": "seed: !!python/name:os.system\n",
    "keys.yaml": "{1: 2, null: 3, [a]: 4}\n",
    "key-of-many-kinds.yaml": "1: 2\n2001-01-01: 3\nseed: !!binary aGk=\n",
    "date.yaml": "seed: 2001-99-99\n",
    "number.yaml": f"seed: {'9' * 5000}\n",
    "base-sixty.yaml": f"seed: {':'.join(['59'] * 2000)}\n",
    "documents.yaml": "seed: 1\n---\nseed: 2\n",
    "tab.yaml": "seed:\t1\n\t\n",
    "deep.yaml": "[" * 5000,
    "deep.json": "[" * 200_000,
    "deep-table.json": '{"model":' * 5000 + "1" + "}" * 5000,
    "deep-value.json": '{"seed":' + "[" * 700 + "]" * 700 + "}",
    "number.json": f'{{"seed": {"9" * 5000}}}',
    "infinity.json": '{"optimizer": {"lr": Infinity}}',
    "surrogate.json": '{"run_dir": "\\ud800"}',
    "zero.json": '{"run_dir": "a\\u0000b"}',
    "deep.toml": "a = " + "[" * 5000,
    "dotted.toml": ".".join(["a"] * 5000) + " = 1\n",
    "twice.toml": "seed = 1\nseed = 2\n",
    "number.toml": f"seed = {'9' * 5000}\n",
    "null.toml": "seed = 1\x00\n",
    "eternal-search.toml": (
        'phases = [{name = "oxidation", kind = "search", share = 100, '
        "steps_per_candidate = 1000000000000}]\n"
    ),
    "no-phase.json": '{"phases": [{"name": "cambrian", "kind": "host", "share": 0}]}',
    "huge-budget.json": '{"budget": 1' + "0" * 300 + "}",
    "long-name.json": json.dumps({"a" * 100_000: 1}),
    "long-value.json": json.dumps({"seed": "a" * 100_000}),
    "escape.json": '{"seed": "\\u001b[2J\\u202e"}',
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(sandbox: Path, corpus: Path, name: str) -> None:
    assert planned(sandbox, name, HOSTILE[name].encode()) == "refused"


def test_a_byte_order_mark_is_no_fault(sandbox: Path, corpus: Path) -> None:
    for text in TEXTS[0], TEXTS[2]:
        name = "run.json" if text.startswith(b"{") else "run.toml"
        assert planned(sandbox, name, b"\xef\xbb\xbf" + text) == "accepted"


@pytest.mark.timeout(20)
def test_an_endless_file_is_refused(sandbox: Path, corpus: Path) -> None:
    reply = call("plan", "--data", "corpus.txt", "--config", "/dev/zero")
    assert verdict(reply) == "refused"
    assert "more than 1,000,000 bytes" in reply.stderr
