"""Bytes as decisions: what a fuzzer or hypothesis hands over steers a test through these."""


class Choices:
    """Takes decisions from bytes; when they are used up every choice is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def are_over(self) -> bool:
        return self._at >= len(self._data)

    def below(self, n: int) -> int:
        """Return a number in [0, n), n <= 65536."""
        width = 1 if n <= 256 else 2
        part = self._data[self._at : self._at + width]
        self._at += width
        return int.from_bytes(part, "little") % n

    def piece(self, longest: int) -> bytes:
        """Return some bytes, at most so many."""
        length = self.below(longest + 1)
        part = self._data[self._at : self._at + length]
        self._at += length
        return part
