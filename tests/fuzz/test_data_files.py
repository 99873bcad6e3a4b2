"""Any bytes given as --data are refused with one line while they cannot fill a window.

A window of 65,536 tokens is more than any example holds, so that all of them go through reading,
splitting and tokenizing, and none begins to train.
"""

import json
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import JsonValue

from tests.fuzz.conftest import Fuzz
from tests.fuzz.mutations import damaged, json_values
from tests.fuzz.program import Verdict, call, tree, verdict

SUFFIXES = (".txt", ".md", ".jsonl", ".JSONL", "", ".bin")
MARKERS = ("<|user|> ", "<|assistant|> ", "<|end_of_text|>\n", "<|end_of_text|>", "<|pad|>", "<|")
SPACES = (" ", "\n", "\n\n", "\r\n", "\t", "\u2028", "\x0b", "\x85", "\u3000", "\ufeff")
CONTROLS = ("\x00", "\x01", "\x1b[31m", "\x7f", "\u200b", "\u202e", "\U0001f600", "e\u0301")
DIALOGUE = "<|user|> How old is Ada? <|assistant|> Ada is nine. <|end_of_text|>\n" * 40


def prose() -> SearchStrategy[str]:
    """Documents of words, markers, white space and control characters, some of them long."""
    word = st.text(max_size=6) | st.sampled_from(("the", "sea", "was", "calm", "."))
    piece = st.one_of(word, st.sampled_from(MARKERS), st.sampled_from(SPACES))
    rare = st.one_of(*[piece] * 8, st.sampled_from(CONTROLS))
    text = st.lists(rare, max_size=40).map("".join)
    return st.tuples(text, st.sampled_from((1, 1, 2, 50, 400))).map(lambda two: two[0] * two[1])


def lines() -> SearchStrategy[bytes]:
    """JSONL with right, wrong and missing fields, and with lines that are no JSON."""
    records: SearchStrategy[JsonValue] = st.one_of(
        prose().map(lambda text: {"text": text}),
        st.fixed_dictionaries({"text": json_values()}),
        json_values(),
    )
    written = records.map(json.dumps) | st.text(max_size=9) | st.just("[" * 3000)
    return st.lists(written, max_size=6).map("\n".join).map(encoded)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def contents() -> SearchStrategy[bytes]:
    spaces = st.lists(st.sampled_from(SPACES), max_size=30).map("".join)
    return st.one_of(
        st.binary(max_size=400),
        prose().map(encoded),
        lines(),
        spaces.map(encoded),
        damaged(DIALOGUE.encode()),
        prose().map(lambda text: text.encode("utf-16", "surrogatepass")),
        prose().map(lambda text: text.encode("latin-1", "replace")),
        st.tuples(st.binary(min_size=1, max_size=4), st.integers(1, 9000)).map(
            lambda two: two[0] * two[1]
        ),
    )


def refused(sandbox: Path, *arguments: str) -> Verdict:
    """The verdict, which must be a refusal that leaves no folder behind."""
    before = tree(sandbox)
    shape = ("--block", "65536", "--engine", "inline", "--run-dir", "runs/new/run")
    found = verdict(call(*arguments, *shape))
    assert found == "refused"
    assert tree(sandbox) == before
    return found


def test_any_file_is_refused_and_leaves_no_run(fuzz: Fuzz, sandbox: Path) -> None:
    def check(case: tuple[str, bytes, str]) -> Verdict:
        suffix, content, tokenizer = case
        path = sandbox / f"text{suffix}"
        path.write_bytes(content)
        try:
            return refused(sandbox, "--data", path.name, "--tokenizer", tokenizer)
        finally:
            path.unlink()

    tokenizers = st.sampled_from(("bpe", "char", "byte"))
    fuzz(st.tuples(st.sampled_from(SUFFIXES), contents(), tokenizers), check, share=0.5)


def test_any_folder_is_refused_and_leaves_no_run(fuzz: Fuzz, sandbox: Path) -> None:
    folder = sandbox / "texts"
    folder.mkdir()

    def check(case: tuple[dict[str, bytes], str]) -> Verdict:
        files, domain = case
        for name, content in files.items():
            (folder / name).write_bytes(content)
        try:
            return refused(sandbox, "--data", "texts", "--domain", domain)
        finally:
            for name in files:
                (folder / name).unlink()

    names = st.sampled_from(("a.txt", ".b.txt", "c.jsonl", "d\x1b[2J.txt", "e\u2028.md", "f.bin"))
    files = st.dictionaries(names, contents(), max_size=4)
    fuzz(st.tuples(files, st.sampled_from(("chat", "text"))), check, share=0.5)
