"""Who we are, to the venue: HMAC-SHA256 over what is sent, in lowercase hex."""

import hashlib
import hmac

import attrs

from market.units import MS, Nanos


@attrs.frozen
class Signer:
    """An API key and what is signed with it.  Neither part is ever shown.

    All times are the venue's: ours plus the offset of its clock.

    Attributes:
        recv_window_ms: how late a request may reach the venue; it is accepted iff
            `venue time - recv_window <= timestamp < venue time + 1 s`.
    """

    key: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)
    recv_window_ms: int = attrs.field(default=5000, validator=attrs.validators.ge(1))

    def headers(self, signed: str, now: Nanos) -> tuple[tuple[str, str], ...]:
        """Return the headers of a REST request; `signed` is the query of a GET, the body of a POST, exactly as sent."""
        stamp, window = str(now // MS), str(self.recv_window_ms)
        return (
            ("X-BAPI-API-KEY", self.key),
            ("X-BAPI-TIMESTAMP", stamp),
            ("X-BAPI-RECV-WINDOW", window),
            ("X-BAPI-SIGN", self._sign(f"{stamp}{self.key}{window}{signed}")),
        )

    def sign_on(self, expires_ms: int) -> tuple[str, int, str]:
        """Return the arguments of a WebSocket's `auth` that is good until `expires_ms`."""
        return self.key, expires_ms, self._sign(f"GET/realtime{expires_ms}")

    def _sign(self, text: str) -> str:
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
