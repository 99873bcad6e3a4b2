"""Modules from text that was written in this process. Triton reads the source of its functions."""

import sys
from hashlib import sha256
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from types import CodeType, ModuleType

PREFIX = "trainer_written_"


class _Written(InspectLoader):
    """Loads one text; `inspect` finds its lines by it."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    def get_source(self, fullname: str) -> str:
        """The text."""
        assert fullname == self.name
        return self.text

    def get_code(self, fullname: str) -> CodeType:
        """The text compiled, under a file name that no file has."""
        assert fullname == self.name
        return self.source_to_code(self.text, f"{self.name}.py")


def written_module(text: str) -> ModuleType:
    """The module that the text makes, made once."""
    name = PREFIX + sha256(text.encode()).hexdigest()[:16]
    if name not in sys.modules:
        spec = spec_from_loader(name, _Written(name, text))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
