"""Machines of their own as far as the network goes: a namespace each, on one bridge."""

import secrets
import subprocess


class Network:
    """Addresses 10.a.b.1, which is this machine, 10.a.b.2 and so on."""

    def __init__(self) -> None:
        """
        Raises:
            OSError: there is no ip program.
            subprocess.CalledProcessError: this account may not do it, or the kernel cannot.
        """
        mark = secrets.token_bytes(2)
        self._name = f"symb{mark.hex()}"
        self._subnet = f"10.{mark[0]}.{mark[1]}"
        self._spaces: list[str] = []
        try:
            _ip("link", "add", self._name, "type", "bridge")
            self._address(self._name, 1)
        except subprocess.CalledProcessError:
            self.close()
            raise

    @property
    def address(self) -> str:
        """Of this machine."""
        return f"{self._subnet}.1"

    def join(self) -> tuple[str, str]:
        """A machine more: the name of its namespace and its address."""
        number = len(self._spaces) + 2
        space = f"{self._name}n{number}"
        _ip("netns", "add", space)
        self._spaces.append(space)
        _ip("link", "add", _cable(space), "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", _cable(space), "master", self._name, "up")
        _ip("link", "set", "lo", "up", space=space)
        self._address("eth0", number, space)
        return space, f"{self._subnet}.{number}"

    def cut(self, space: str) -> None:
        """Pull its cable: whoever asks it hears nothing, not even that it is gone."""
        _ip("link", "set", _cable(space), "down")

    def close(self) -> None:
        """Leave nothing behind."""
        for words in [
            *(("netns", "del", one) for one in self._spaces),
            ("link", "del", self._name),
        ]:
            subprocess.run(["ip", *words], capture_output=True, check=False)

    def _address(self, link: str, number: int, space: str | None = None) -> None:
        _ip("address", "add", f"{self._subnet}.{number}/24", "dev", link, space=space)
        _ip("link", "set", link, "up", space=space)


def network_if_allowed() -> Network | None:
    """None where this account may not make one."""
    try:
        return Network()
    except (OSError, subprocess.CalledProcessError):
        return None


def _cable(space: str) -> str:
    """This machine's end of it; such names have 15 letters at most."""
    return f"v{space}"


def _ip(*words: str, space: str | None = None) -> None:
    where = ["-netns", space] if space else []
    subprocess.run(["ip", *where, *words], capture_output=True, check=True)
