"""Keeps secrets out of what is meant to be shared.

Three kinds are known: the values of environment variables (and of a `.env` file) whose names look like secrets,
wherever they stand; what a config holds under a name like `api_secret`, there and wherever else it stands; and what
looks like a secret by itself: a literal given to such a name in code, a private key, a password in an address.
What is called `key` or `id` is one where a secret stands beside it.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

MIN_LENGTH = 6  # a shorter value ("1", "true") would blank out ordinary words
PLACE_HOLDER = "[redacted]"

# of the environment: there a name says little, and nothing in it is needed in a report
_VARIABLE = re.compile(r"KEY|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|MNEMONIC|AUTH", re.IGNORECASE)
# of configs and code: `key` alone is a declaration's, `n_tokens` is a number
_NAME = re.compile(
    r"(?:^|_)(?:secrets?|tokens?|passw(?:or)?d|passphrase|credentials?|mnemonic|seed_phrase)(?:$|_)"
    r"|(?:api|private|secret|access|sign(?:ing|er)?|wallet|auth|account)_?key(?:$|_)"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# a name begins where no other one goes on: otherwise the time grows with the square of a word's length
_ASSIGNED = re.compile(
    r"""(?<![\w-])(?P<name>[A-Za-z_][\w-]*)(?P<rest>["']?\]?\s*(?::\s*[A-Za-z_]\w*\s*)?[:=]\s*[rbuRBU]{0,2}(?P<quote>["']))"""
    r"(?P<value>[^\n]{1,1000}?)(?P=quote)"
)
_GROUP = re.compile(r"[({][^(){}]*[)}]")  # of code: a literal dict, the arguments of a call
_BESIDE_SECRETS = frozenset({"key", "id"})
_OPTION = re.compile(r"(?P<lead>--(?P<name>[A-Za-z][\w-]*)(?:=|\s+))(?P<value>'[^']*'|\"[^\"]*\"|[^\s-]\S*)")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
_WALLET = re.compile(r"\b0x[0-9a-fA-F]{64}\b")
_LOGIN = re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)")


class Redactor:
    """Replaces secrets in texts.

    Args:
        environment: variables; the values of those whose names look like secrets are replaced.
        data: mappings and lists, nested or not; so are the texts that stand in them under such a name.
    """

    def __init__(self, environment: Mapping[str, str], data: Iterable[Any] = ()) -> None:
        found: set[str] = set()
        for name, value in environment.items():
            if _VARIABLE.search(name):
                found.update(line.strip() for line in (value, *value.splitlines()))
        for part in data:
            found.update(_named(part))
        long_enough = {s for s in found if len(s) >= MIN_LENGTH}
        # as a text shows them that quotes them: a config, a source, JSON
        long_enough |= {form[1:-1] for s in long_enough for form in (json.dumps(s), repr(s))}
        # the longest first, so that a value that holds another one goes whole
        secrets = sorted(long_enough, key=lambda s: (-len(s), s))
        self._pattern = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def __call__(self, text: str) -> str:
        """Return a text without its secrets; it keeps its lines."""
        if self._pattern is not None:
            text = self._pattern.sub(PLACE_HOLDER, text)
        text = _PEM.sub(lambda found: PLACE_HOLDER + "\n" * found[0].count("\n"), text)
        text = _LOGIN.sub(PLACE_HOLDER, _WALLET.sub(PLACE_HOLDER, text))
        text = _GROUP.sub(_without_companions, text)
        return _OPTION.sub(_without_value, _ASSIGNED.sub(_without_literal, text))

    def tree(self, data: Any) -> Any:
        """Return a copy of nested mappings and lists without secrets; other values stay what they are."""
        if isinstance(data, Mapping):
            secret = _secret_names(data)
            return {
                self(str(key)): _hidden(self.tree(value)) if key in secret else self.tree(value)
                for key, value in data.items()
            }
        if isinstance(data, (list, tuple)):
            return [self.tree(value) for value in data]
        return self(data) if isinstance(data, str) else data


def environment() -> dict[str, str]:
    """Return the environment of this process, and what a `.env` file in the current folder adds."""
    found = dict(os.environ)
    file = Path(".env")
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and not name.startswith("#"):
                found.setdefault(name.strip(), value.strip().strip("\"'"))
    return found


def is_secret_name(name: str) -> bool:
    """Whether a config's or a program's name says that its value is secret."""
    return _NAME.search(_HUMP.sub("_", name).replace("-", "_").lower()) is not None


def _named(data: Any) -> Iterator[str]:
    """Yield the texts below names of secrets."""
    if isinstance(data, Mapping):
        secret = _secret_names(data)
        for key, value in data.items():
            if key in secret:
                yield from _texts(value)
            else:
                yield from _named(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _named(value)


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _texts(value)


def _secret_names(data: Mapping[Any, Any]) -> set[Any]:
    """Return which names of a mapping are those of secrets: by themselves, or beside a text that is one."""
    found = {key for key in data if is_secret_name(str(key))}
    if any(isinstance(data[key], str) and data[key] for key in found):
        found |= {key for key in data if str(key).lower() in _BESIDE_SECRETS}
    return found


def _hidden(value: Any) -> Any:
    """Hide what stands under the name of a secret, however short; numbers and flags are settings."""
    if isinstance(value, str):
        return PLACE_HOLDER if value else value
    if isinstance(value, dict):
        return {name: _hidden(inner) for name, inner in value.items()}
    return [_hidden(inner) for inner in value] if isinstance(value, list) else value


def _without_companions(found: "re.Match[str]") -> str:
    if not any(is_secret_name(each["name"]) for each in _ASSIGNED.finditer(found[0])):
        return found[0]
    return _ASSIGNED.sub(lambda each: _blanked(each) if each["name"].lower() in _BESIDE_SECRETS else each[0], found[0])


def _without_literal(found: "re.Match[str]") -> str:
    if not is_secret_name(found["name"]):
        return found[0]
    return _blanked(found)


def _blanked(found: "re.Match[str]") -> str:
    return f"{found['name']}{found['rest']}{PLACE_HOLDER}{found['quote']}"


def _without_value(found: "re.Match[str]") -> str:
    return f"{found['lead']}{PLACE_HOLDER}" if is_secret_name(found["name"]) else found[0]
