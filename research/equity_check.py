"""Whether the money of a run follows from its fills, its fees and the funding of the data."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

import attrs
import numpy as np

from market.instrument import Instrument
from market.order_log import LogKind
from market.units import SECOND, Lots, Nanos
from research import money
from research.order_terms import order_batches
from research.prices import FloatArray, IntArray
from research.run_data import Columns, Run
from research.run_fill import RunFill
from research.venue_side import FundingDue
from research.violation import Violation

_TOLERANCE: Final = 1e-9  # of a unit of the settle asset, and of the turnover
_OVERDUE: Final[Nanos] = 60 * SECOND  # a payment that we did not hear of by then is missing


_Fact: TypeAlias = tuple[str, int, int, int, int, int]


@attrs.frozen
class _Booking:
    """What changes the books of one instrument, in the order in which we heard of it."""

    ts: Nanos
    lots: Lots
    cash: Decimal
    fee: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)


@attrs.frozen(eq=False)
class _Sums:
    """Sums over the first 0, 1, ... bookings."""

    ts: IntArray
    position: IntArray
    cash: FloatArray
    fees: FloatArray
    funding: FloatArray
    turnover: FloatArray

    @classmethod
    def of(cls, bookings: Sequence[_Booking]) -> "_Sums":
        columns: list[list[Decimal]] = [[Decimal(0)] for _ in range(4)]
        for booking in bookings:
            amounts = (booking.cash, booking.fee, booking.funding, abs(booking.cash))
            for column, amount in zip(columns, amounts, strict=True):
                column.append(column[-1] + amount)
        cash, fees, funding, turnover = (np.array([float(x) for x in column]) for column in columns)
        lots = np.cumsum([0, *(booking.lots for booking in bookings)])
        return cls(np.array([booking.ts for booking in bookings]), lots, cash, fees, funding, turnover)


def check_equity(
    run: Run, instrument: Instrument, fills: Sequence[RunFill], due: Sequence[FundingDue]
) -> Iterator[Violation]:
    """Hold the run's stamps of an instrument against what its bookings come to.

    A wrong booking stays in all later stamps: a stamp is named only if its error is not that of the stamp before.  An
    adjustment without a price is booked at a mid of its day, so cash is not checked from the first such one on.

    Args:
        fills: of the instrument, by venue time.
        due: its funding payments as recorded.
    """
    table = run.table("equity")
    mine = table["instrument"] == instrument.id
    stamps = {name: values[mine] for name, values in table.items()}
    if not stamps["ts"].size:
        return
    facts = _facts(run, instrument.id)
    paid = [row for row in facts if row[0] == LogKind.FUNDING.name]
    adjusted = [row for row in facts if row[0] == LogKind.ADJUSTMENT.name]
    unpriced = [ts for _, ts, _, _, _, price in adjusted if price == 0]
    yield from _check_payments(instrument, paid, fills, due, int(stamps["ts"][-1]))
    bookings = [
        _Booking(fill.ts, fill.side * fill.size, -_value(instrument, fill) - Decimal(fill.fee), Decimal(fill.fee))
        for fill in fills
    ]
    bookings += [_payment(instrument, row, fills, due, stamps) for row in paid]
    for _, ts, _, lots, _, price in adjusted:
        bookings.append(_Booking(ts, lots, -instrument.value(price, lots) if price else Decimal(0)))
    bookings.sort(key=lambda booking: booking.ts)
    sums = _Sums.of(bookings)
    heard = np.searchsorted(sums.ts, stamps["ts"], side="right")
    # what a timer of the very instant of a stamp brought about may come after it
    least = np.searchsorted(sums.ts, stamps["ts"], side="left")
    if any(run.settings.get("service_us", {}).values()):
        least = np.zeros_like(heard)
    heard = _handled(stamps, sums, heard, least)
    yield from _compare(instrument, stamps, sums, heard, unpriced[0] if unpriced else None)


def _compare(
    instrument: Instrument, stamps: Columns, sums: _Sums, heard: IntArray, unpriced: Nanos | None
) -> Iterator[Violation]:
    slack = _TOLERANCE * (1.0 + sums.turnover[heard])
    is_cash_known = stamps["ts"] < unpriced if unpriced is not None else np.ones(heard.size, dtype=bool)
    worth = money.value(instrument, stamps["mid"], stamps["position"])
    expected = {
        "position": sums.position[heard].astype(np.float64),
        "cash": np.where(is_cash_known, sums.cash[heard], stamps["cash"]),
        "fees": sums.fees[heard],
        "funding": sums.funding[heard],
        # without a mark there is nothing to compare
        "pnl": np.where(np.isnan(worth), stamps["pnl"], stamps["cash"] + worth),
    }
    for name, right in expected.items():
        error = np.where(np.isnan(stamps[name]) & np.isnan(right), 0.0, stamps[name] - right)
        change = np.diff(error, prepend=0.0)
        for n in np.flatnonzero(~(np.abs(change) <= slack)):
            text = f"{name} does not follow from the fills"
            numbers = {"stated": float(stamps[name][n]), "due": float(right[n])}
            yield Violation(name, instrument.id, int(stamps["ts"][n]), text, numbers=numbers)


def _handled(stamps: Columns, sums: _Sums, heard: IntArray, least: IntArray) -> IntArray:
    """Return how many bookings each stamp knows of, at least so many: the last ones may not be in yet."""
    found = heard.copy()
    at_least = 0
    for n in np.flatnonzero(heard > least).tolist():
        for k in range(int(heard[n]), max(at_least, int(least[n])) - 1, -1):
            slack = _TOLERANCE * (1.0 + sums.turnover[k])
            if sums.position[k] == stamps["position"][n] and abs(sums.cash[k] - stamps["cash"][n]) <= slack:
                found[n] = at_least = k
                break
    return found


def _facts(run: Run, instrument: int) -> list[_Fact]:
    """Return kind, delivery, venue time, lots, number and price of the instrument's payments and adjustments."""
    found = []
    for batch in order_batches(run):
        mine = np.isin(batch["kind"].astype(str), (LogKind.FUNDING.name, LogKind.ADJUSTMENT.name))
        mine &= batch["instrument"] == instrument
        columns = (batch[name][mine].tolist() for name in ("kind", "ts", "ts_venue", "size", "detail", "price"))
        found += list(zip(*columns, strict=True))
    return found


# --- funding --------------------------------------------------------------------------------------------------------


def _check_payments(
    instrument: Instrument,
    paid: Sequence[_Fact],
    fills: Sequence[RunFill],
    due: Sequence[FundingDue],
    end: Nanos,
) -> Iterator[Violation]:
    due_at = {each.ts for each in due}
    seen: set[int] = set()
    for _, _, ts_venue, _, number, _ in paid:
        if ts_venue not in due_at:
            yield Violation("funding", instrument.id, ts_venue, "no such payment is in the data")
        if number in seen:
            yield Violation("twice", instrument.id, ts_venue, "the payment stands in the log twice", fill_id=number)
        seen.add(number)
    paid_at = {row[2] for row in paid}
    for each in due:
        # payments of the very instant of a fill may or may not count it
        has_position = all(_position(fills, each.ts + after) for after in (0, 1))
        if has_position and each.ts not in paid_at and each.ts < end - _OVERDUE:
            yield Violation("funding", instrument.id, each.ts, "a payment that was due did not come")


def _payment(
    instrument: Instrument,
    row: _Fact,
    fills: Sequence[RunFill],
    due: Sequence[FundingDue],
    stamps: Columns,
) -> _Booking:
    _, ts, ts_venue, _, _, _ = row
    terms = next((each for each in due if each.ts == ts_venue), None)
    if terms is None:  # said already
        return _Booking(ts, 0, Decimal(0))
    options = [_amount(instrument, terms, _position(fills, ts_venue + after)) for after in (0, 1)]
    # the order of a payment and a fill of the same instant is not recorded: the run may have either
    after = min(int(np.searchsorted(stamps["ts"], ts)), len(stamps["ts"]) - 1)
    step = float(stamps["funding"][after]) - (float(stamps["funding"][after - 1]) if after else 0.0)
    amount = min(options, key=lambda option: abs(float(option) - step))
    return _Booking(ts, 0, amount, funding=amount)


def _amount(instrument: Instrument, terms: FundingDue, position: Lots) -> Decimal:
    """Return what a position is paid: longs pay at a positive rate."""
    owed = abs(instrument.value(terms.mark, position)) * terms.rate_e12 / 10**12
    return -owed if position > 0 else owed


def _position(fills: Sequence[RunFill], before: Nanos) -> Lots:
    return sum(fill.side * fill.size for fill in fills if fill.ts_venue < before)


def _value(instrument: Instrument, fill: RunFill) -> Decimal:
    return instrument.value(fill.price, fill.side * fill.size)
