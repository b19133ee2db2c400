"""Keeps secrets out of what is meant to be shared."""

import re
from collections.abc import Mapping

_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|MNEMONIC|AUTH", re.IGNORECASE)
MIN_LENGTH = 6  # a shorter value ("1", "true") would blank out ordinary words
PLACE_HOLDER = "[redacted]"


class Redactor:
    """Replaces the values of environment variables whose names look like secrets, wherever they stand in a text."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        found: set[str] = set()
        for name, value in environment.items():
            if _SECRET_NAME.search(name):
                found.update(line.strip() for line in (value, *value.splitlines()))
        # the longest first, so that a value that holds another one goes whole
        secrets = sorted((s for s in found if len(s) >= MIN_LENGTH), key=lambda s: (-len(s), s))
        self._pattern = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(PLACE_HOLDER, text)
