"""The token that requests of an account carry: good for five minutes, asked for anew after three."""

from typing import Final

import msgspec

from market.units import HOUR, SECOND, Nanos
from venues.paradex.errors import verdict_on
from venues.paradex.gate import PUBLIC, ParadexGate
from venues.paradex.signing import Signer
from venues.paradex.structs import Token, read_refusal
from venues.venue import NEVER, HttpAnswer, Output
from venues.verdicts import Advice
from venues.wire import HttpRequest, RemoteProtocolError, decode

_TOKEN: Final = msgspec.json.Decoder(Token)
_LIFE: Final = 300 * SECOND
_RENEW: Final = 180 * SECOND
_FIRST_PAUSE: Final = SECOND
_LONGEST_PAUSE: Final = 30 * SECOND
_SIGNED_FOR: Final = 24 * HOUR


def request_of(signer: Signer, venue_now: Nanos) -> HttpRequest:
    """Return the request for a token."""
    until = venue_now + _SIGNED_FOR
    headers = (
        ("PARADEX-STARKNET-ACCOUNT", hex(signer.account)),
        ("PARADEX-STARKNET-SIGNATURE", signer.login(venue_now, until)),
        ("PARADEX-TIMESTAMP", str(venue_now // SECOND)),
        ("PARADEX-SIGNATURE-EXPIRATION", str(until // SECOND)),
    )
    return HttpRequest("POST", f"/v1/auth/{signer.public_key}", "", headers)


def read_token(answer: HttpAnswer) -> str:
    """Return the token that an answer grants.

    Raises:
        ValueError: it is refused, and a person must act.
        RemoteProtocolError: the answer is none.
    """
    if answer.status == 200:
        token = decode(_TOKEN, answer.body, "paradex token").jwt_token
        if token and token.isascii() and token.isprintable():
            return token
        raise RemoteProtocolError("paradex granted a token that is none")
    refusal = read_refusal(answer.body)
    text = f"paradex refused the login: {answer.status} {refusal.error:.60} {(refusal.message or '')[:200]}"
    if verdict_on(answer.status, refusal.error).advice in (Advice.HALT, Advice.LOG_IN):
        raise ValueError(f"{text}; look at the address and the subkey")
    raise RemoteProtocolError(text)


class Login:
    """Keeps a token.

    Attributes:
        token: empty: there is none that is good.
        due: when to ask for a new one.
        refusal: why there can be none without a person; empty: there may be.
    """

    def __init__(self, signer: Signer, gate: ParadexGate) -> None:
        self._signer, self._gate = signer, gate
        self.token = ""
        self.refusal = ""
        self.due: Nanos = 0
        self._good_until: Nanos = 0
        self._not_before: Nanos = 0
        self._n_failed = 0
        self._is_asking = False

    def doubt(self, now: Nanos) -> None:
        """The token was refused, or there is none: ask for one as soon as the pause after the last one allows."""
        self.due = min(self.due, max(now, self._not_before))

    def refused(self, now: Nanos) -> None:
        """The token is of no use: it is not tried again."""
        self.token = ""
        self.doubt(now)

    def next_deadline(self) -> Nanos:
        # while one is asked for its answer is awaited, whatever is due
        asking = NEVER if self._is_asking else self.due
        return min(asking, self._good_until if self.token else NEVER)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Ask for a token if that is due; drop one that is too old."""
        if self.token and now >= self._good_until:
            self.token = ""
        if now < self.due or self._is_asking:
            return []
        self._is_asking = True
        self.due = NEVER
        request = request_of(self._signer, self._gate.at(now))
        return [self._gate.send(request, self._take, PUBLIC, now)]

    def _take(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        self._is_asking = False
        self.due = self._not_before = now + min(_FIRST_PAUSE << min(self._n_failed, 8), _LONGEST_PAUSE)
        self._n_failed += 1
        if answer is None:
            return []
        try:
            self.token = read_token(answer)
        except ValueError as error:
            self.refusal = str(error)
            return []
        self.refusal = ""
        self._n_failed = 0
        self._good_until = answer.ts_sent + _LIFE
        self.due = answer.ts_sent + _RENEW
        return []
