"""What is asked of Binance by REST besides orders: books, rules, the account, the key of the private stream."""

from typing import Final, Literal

import msgspec

from market.instrument import Instrument
from market.units import MS, Nanos
from venues.binance.signing import Credentials, Value, query_text
from venues.wire import HttpRequest

SERVER_TIME: Final = HttpRequest("GET", "/fapi/v1/time")
EXCHANGE_INFO: Final = HttpRequest("GET", "/fapi/v1/exchangeInfo")

_DEPTH_WEIGHTS: Final = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
MAX_TRADES: Final = 1000  # of an answer


def depth(instrument: Instrument, n_levels: int = 1000) -> HttpRequest:
    """Return the question for a book.

    Raises:
        ValueError: the venue does not answer with so many levels.
    """
    if n_levels not in _DEPTH_WEIGHTS:
        raise ValueError(f"depth of {n_levels} levels: must be one of {', '.join(map(str, _DEPTH_WEIGHTS))}")
    query = query_text({"symbol": instrument.symbol, "limit": n_levels})
    return HttpRequest("GET", "/fapi/v1/depth", query, weight=_DEPTH_WEIGHTS[n_levels])


class AccountQueries:
    """Makes the signed questions about one account.  `venue_time` is a time of the venue's clock."""

    def __init__(self, credentials: Credentials, recv_window_ms: int = 5000) -> None:
        self._credentials = credentials
        self._recv_window_ms = recv_window_ms

    def listen_key(self, method: Literal["POST", "PUT", "DELETE"]) -> HttpRequest:
        """Return the request that makes (or prolongs), keeps alive or ends the key of the private stream."""
        return HttpRequest(method, "/fapi/v1/listenKey", headers=self._headers)

    def open_orders(self, venue_time: Nanos, instrument: Instrument | None = None) -> HttpRequest:
        """Ask for the open orders of one symbol, or of all at forty times the weight."""
        params: dict[str, Value] = {} if instrument is None else {"symbol": instrument.symbol}
        return self._get("/fapi/v1/openOrders", params, venue_time, 40 if instrument is None else 1)

    def positions(self, venue_time: Nanos) -> HttpRequest:
        """Ask for all positions; a symbol that is not in the answer is flat."""
        return self._get("/fapi/v3/positionRisk", {}, venue_time, 5)

    def balances(self, venue_time: Nanos) -> HttpRequest:
        return self._get("/fapi/v3/balance", {}, venue_time, 5)

    def account(self, venue_time: Nanos) -> HttpRequest:
        """Ask for the totals of the account: its equity and margin."""
        return self._get("/fapi/v3/account", {}, venue_time, 5)

    def account_config(self, venue_time: Nanos) -> HttpRequest:
        """Ask for the modes of the account: one-way or hedge, whether it can trade."""
        return self._get("/fapi/v1/accountConfig", {}, venue_time, 5)

    def commission_rate(self, instrument: Instrument, venue_time: Nanos) -> HttpRequest:
        return self._get("/fapi/v1/commissionRate", {"symbol": instrument.symbol}, venue_time, 20)

    def trades_since(self, instrument: Instrument, since: Nanos, venue_time: Nanos) -> HttpRequest:
        """Ask for the first fills from `since` on; the venue answers for seven days at the most."""
        params: dict[str, Value] = {"symbol": instrument.symbol, "startTime": since // MS, "limit": MAX_TRADES}
        return self._get("/fapi/v1/userTrades", params, venue_time, 5)

    def trades_from(self, instrument: Instrument, trade_id: int, venue_time: Nanos) -> HttpRequest:
        """Ask for the fills from this one on."""
        params: dict[str, Value] = {"symbol": instrument.symbol, "fromId": trade_id, "limit": MAX_TRADES}
        return self._get("/fapi/v1/userTrades", params, venue_time, 5)

    def order(self, instrument: Instrument, order_id: int, venue_time: Nanos) -> HttpRequest:
        """Ask for one order by the venue's id: whose it is, what became of it."""
        params: dict[str, Value] = {"symbol": instrument.symbol, "orderId": order_id}
        return self._get("/fapi/v1/order", params, venue_time, 1)

    def funding_since(self, since: Nanos, venue_time: Nanos) -> HttpRequest:
        """Ask for the funding that was paid, of all symbols, from `since` on."""
        params: dict[str, Value] = {"incomeType": "FUNDING_FEE", "startTime": since // MS, "limit": MAX_TRADES}
        return self._get("/fapi/v1/income", params, venue_time, 30)

    def permissions(self, venue_time: Nanos, address: str = "") -> HttpRequest:
        """Ask what the key may do; it is told at another address than the rest."""
        request = self._get("/sapi/v1/account/apiRestrictions", {}, venue_time, 1)
        return msgspec.structs.replace(request, address=address)

    @property
    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (("X-MBX-APIKEY", self._credentials.api_key),)

    def _get(self, path: str, params: dict[str, Value], venue_time: Nanos, weight: int) -> HttpRequest:
        timed = {**params, "recvWindow": self._recv_window_ms, "timestamp": venue_time // MS}
        return HttpRequest("GET", path, self._credentials.signed_query(timed), self._headers, weight=weight)
