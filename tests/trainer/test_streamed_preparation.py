"""Preparing a text a window at a time gives what reading it whole gave, in memory that stays."""

import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest

from tests.trainer.awkward_texts import AWKWARD
from trainer.config import DataConfig, TokenizerKind
from trainer.corpus import read_corpus
from trainer.data import prepare
from trainer.manifest import DatasetManifest

WINDOWS = (64, 997, 10**9)
CONTIGUOUS = "contiguous:0.8,0.1,0.1"
READ_WHOLE = {
    ("running", "auto"): "1e126185c696f2b4bbc3dcd85adcd54c56641bb2907cf7baafa5c1456938094e",
    ("running", "block"): "1e126185c696f2b4bbc3dcd85adcd54c56641bb2907cf7baafa5c1456938094e",
    ("running", CONTIGUOUS): "9e85f5a2246b4af84308699daf1bcdd6c698bd0768ad9e4dcefc10156b0197f9",
    ("dialogues", "auto"): "200e9b80a4b1837c79e49e1ff1a6e821da3979c3d8d3021b2299e3bb9494a79f",
    ("dialogues", "block"): "9e1eb7d3ddb5921e238d190f968efc48d74b2a02bee0ce0e69a076f001a5e993",
    ("dialogues", "document"): "200e9b80a4b1837c79e49e1ff1a6e821da3979c3d8d3021b2299e3bb9494a79f",
    ("dialogues", CONTIGUOUS): "2a69494275b7fb5ed0f0a3c2dbd54be7a46010e59c46597dcba3f79dfba2e7ae",
    ("records", "auto"): "5dfdfa7927e3e0d9412fb37d9f3af7541e71f51d55c03a6169c836163bfe9728",
    ("records", "block"): "0fef2f35eaf6bb51a51ee145358c2bc7d91569cbc8156a0f26039dde79d756b2",
    ("records", "document"): "155ad969d85739d1cd6a2e99a5b21b7e47ac409d1f3d489a575009eb631a5c05",
    ("records", CONTIGUOUS): "69edac3fe43f0b0ffbde1c038bcc763babbdf4759384d6d72cc8ee74bbf6ea71",
}
"""Hashes of what byte and char preparation wrote when it held the whole text."""


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("awkward")
    for name, write in AWKWARD.items():
        (root / name).mkdir()
        write(root / name)
    return root


def prepared(
    data: Path, folder: Path, kind: TokenizerKind, split: str, window: int
) -> DatasetManifest:
    given = {"paths": (str(data),), "tokenizer": kind, "split": split}
    vocabulary = {"vocab_size": 400} if kind == "bpe" else {}
    config = DataConfig.model_validate({**given, **vocabulary})
    return prepare(config, folder / f"{kind}-{window}", 8, window=window)


@pytest.mark.parametrize(("name", "split"), READ_WHOLE)
@pytest.mark.parametrize("window", WINDOWS)
def test_the_files_are_those_of_a_text_that_is_read_whole(
    awkward: Path, tmp_path: Path, name: str, split: str, window: int
) -> None:
    digest = sha256()
    for kind in ("byte", "char"):
        manifest = prepared(awkward / name, tmp_path, kind, split, window)
        digest.update(manifest.model_dump_json(exclude={"inputs_sha256"}).encode())
    assert digest.hexdigest() == READ_WHOLE[name, split]


@pytest.mark.parametrize("split", ["auto", CONTIGUOUS])
@pytest.mark.parametrize("name", AWKWARD)
def test_merges_and_their_tokens_are_the_same_for_every_window(
    awkward: Path, tmp_path: Path, name: str, split: str
) -> None:
    manifests = [prepared(awkward / name, tmp_path, "bpe", split, window) for window in WINDOWS]
    assert manifests[0] == manifests[1] == manifests[2]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a" * 63 + "é".encode() + b"\xe2\x28", "not UTF-8 at byte offset 65"),
        (b"a" * 62 + b"\xe2\x82", "not UTF-8 at byte offset 62"),
        (b"\xef\xbb\xbf" + b"a" * 60 + b"\xf0\x9f\x91", "not UTF-8 at byte offset 63"),
        (b"a" * 63 + b"\xed\xa0\x80", "not UTF-8 at byte offset 63"),
        (b"\xff" + b"a" * 200 + b"\0", "NUL byte at offset 201"),
        ("é".encode() * 32 + b"\0", "NUL byte at offset 64"),
        (" \u3000\n".encode() * 100, "holds only white space"),
        (b"ab" + b"a" * 298, "is 100 % the character 'a' (299 of 300)"),
    ],
)
def test_hostile_bytes_are_refused_where_they_are(
    tmp_path: Path, content: bytes, message: str, window: int
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refusal:
        read_corpus([str(path)], window=window)
    assert message in str(refusal.value)


def test_a_text_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("A text that is written still. ", encoding="utf-8")
    corpus = read_corpus([str(path)], window=64)
    with path.open("a", encoding="utf-8") as file:
        file.write("More of it.")
    with pytest.raises(ValueError, match=r"text\.txt changed while it was being read"):
        list(corpus.read())


def peak_bytes(num_lines: int, folder: Path) -> int:
    """What preparing a text of about 45 bytes a line held at most."""
    path = folder / f"{num_lines}.txt"
    line = "The {}th line é is like no {}th, {}.\n".format
    lines = (line(n, n * n % 99_991, n * 7919 % 99_989) for n in range(num_lines))
    path.write_text("".join(lines), encoding="utf-8")
    tracemalloc.start()
    try:
        prepared(path, folder / path.stem, "char", "auto", 2**12)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_text_twice_as_long_takes_hardly_more_memory(tmp_path: Path) -> None:
    _, short, long = (peak_bytes(num_lines, tmp_path) for num_lines in (500, 6000, 12_000))
    added = (tmp_path / "12000.txt").stat().st_size / 2
    assert long - short < added / 4, "3.6 times what is added, when the text was held"
