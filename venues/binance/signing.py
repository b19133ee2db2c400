"""Who we are to Binance: HMAC-SHA256 over the text of a request's parameters, lower-case hex.

By REST the query is signed as it is sent, percent-encoded, the signature last.  By the WebSocket API all parameters are
signed sorted by name, the key among them; nothing in them needs encoding, as our ids have only letters, digits and `-`.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import quote

import attrs

Value = str | int


@attrs.frozen
class Credentials:
    """The key of an account and its secret, neither of which is ever shown."""

    api_key: str = attrs.field(repr=False, validator=attrs.validators.min_len(1))
    secret: str = attrs.field(repr=False, validator=attrs.validators.min_len(1))

    def signature(self, text: str) -> str:
        """Return the signature of a text, such as a percent-encoded query."""
        return hmac.digest(self.secret.encode(), text.encode(), "sha256").hex()  # a third of what hmac.new takes

    def signed_query(self, params: Mapping[str, Value]) -> str:
        """Return the parameters as a query in their order, signed."""
        text = query_text(params)
        return f"{text}&signature={self.signature(text)}"

    def signed_params(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """Return the parameters of a request to the WebSocket API with key and signature, sorted by name."""
        found = dict(sorted({**params, "apiKey": self.api_key}.items()))
        found["signature"] = self.signature("&".join(f"{name}={value}" for name, value in found.items()))
        return found


def query_text(params: Mapping[str, Value]) -> str:
    """Return the parameters as a percent-encoded query, in their order."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in params.items())
