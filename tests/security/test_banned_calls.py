"""No module can run what it reads: no pickle, no eval, no unsafe YAML, no shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("orchestrator", "trainer", "inference_battery", "state", "dashboard", "deploy")
MODULES = sorted(
    path
    for package in (*PACKAGES, "benchmarks")
    for path in (ROOT / package).rglob("*.py*")
    if path.suffix == ".py" or path.name.endswith(".py.txt")
)

BANNED_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal"}
BANNED_MODULES |= {"shelve", "code", "codeop"}
BANNED_NAMES = {"eval", "exec", "compile", "__import__", "execfile"}
BANNED_ATTRIBUTES = {
    "torch.load",
    "torch.save",
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.Loader",
    "yaml.UnsafeLoader",
    "yaml.FullLoader",
    "runpy.run_path",
    "os.system",
    "os.popen",
    "builtins.eval",
    "builtins.exec",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "numpy.load",
    "np.load",
    "pandas.read_pickle",
}
BANNED_KEYWORDS = {"shell", "allow_pickle"}


def offences(tree: ast.AST) -> Iterator[str]:
    """What a module does that none may, with its line."""
    for node in ast.walk(tree):
        for name in names_of(node):
            yield f"line {getattr(node, 'lineno', 0)}: {name}"


def names_of(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=aliases):
            return [one.name for one in aliases if one.name.split(".")[0] in BANNED_MODULES]
        case ast.ImportFrom(module=str(module), names=aliases):
            if module.split(".")[0] in BANNED_MODULES:
                return [module]
            full = [f"{module}.{one.name}" for one in aliases]
            return [name for name in full if name in BANNED_ATTRIBUTES]
        case ast.Call(func=ast.Name(id=name)) if name in BANNED_NAMES:
            return [name]
        case ast.Attribute() if (name := ast.unparse(node)) in BANNED_ATTRIBUTES:
            return [name]
        case ast.keyword(arg=str(name), value=value) if name in BANNED_KEYWORDS:
            harmless = isinstance(value, ast.Constant) and value.value is False
            return [] if harmless else [f"{name}={ast.unparse(value)}"]
        case _:
            return []


def test_the_packages_are_found() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} >= set(PACKAGES) - {"deploy"}
    assert any(path.name == "standalone_model.py.txt" for path in MODULES)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_runs_nothing_that_it_reads(path: Path) -> None:
    assert not list(offences(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as safe",
        "from pickle import loads",
        "import dill.source",
        "eval('1')",
        "exec(text)",
        "__import__('os')",
        "torch.load(path)",
        "from torch import load",
        "torch.save(model, path)",
        "yaml.load(text, Loader=yaml.Loader)",
        "subprocess.run(line, shell=True)",
        "subprocess.run(line, shell=flag)",
        "np.load(path)",
        "numpy.memmap(path, allow_pickle=True)",
        "os.system('ls')",
        "runpy.run_path(path)",
    ],
)
def test_the_walk_sees(source: str) -> None:
    assert list(offences(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["model.eval()", "yaml.safe_load(text)", "re.compile('a')", "run(line, shell=False)"]
)
def test_the_walk_does_not_mind(source: str) -> None:
    assert not list(offences(ast.parse(source)))
