"""Who we are, to the venue: HMAC-SHA256 over what is sent, in lower-case hex.

The text is the time, the method, the path with its query, and the body, each exactly as sent.  The venue's own guide
prints a signature of the older API beside it.
"""

import hmac

import attrs

from market.units import MS, Nanos


@attrs.frozen
class Signer:
    """An API key and what is signed with it; neither part is ever shown.  Times are the venue's."""

    key: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)

    def headers(self, method: str, target: str, body: bytes, now: Nanos) -> tuple[tuple[str, str], ...]:
        """Return the headers that sign a request; `target` is path and query as they stand in the request line."""
        stamp = str(now // MS)
        return (
            ("x-api-key", self.key),
            ("x-api-timestamp", stamp),
            ("x-api-signature", self.signature(f"{stamp}{method}{target}".encode() + body)),
        )

    def signature(self, text: bytes) -> str:
        """Return the signature of a text."""
        return hmac.digest(self.secret.encode(), text, "sha256").hex()
