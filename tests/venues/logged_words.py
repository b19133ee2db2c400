"""What is logged while a test runs, to be waited for."""

from collections.abc import Iterator
from contextlib import contextmanager

import loguru
import trio


class Words(list[str]):
    """Log records, with an event for each."""

    def __init__(self) -> None:
        super().__init__()
        self._news = trio.Event()

    def hear(self, line: str) -> None:
        self.append(line)
        self._news.set()
        self._news = trio.Event()

    async def until(self, text: str) -> None:
        with trio.fail_after(30):
            while not any(text in line for line in self):
                await self._news.wait()


@contextmanager
def logged() -> Iterator[Words]:
    """Collect what is logged meanwhile, with all that is bound to it."""
    words = Words()
    sink = loguru.logger.add(words.hear, format="{message} {extra}", level="TRACE")
    yield words
    loguru.logger.remove(sink)
