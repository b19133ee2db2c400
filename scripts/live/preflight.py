"""What a person reads before a live run trades, and what must be right before it may."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from actors.risk import Limits
from market.instrument import Instrument
from scripts.live.config import LiveConfig
from scripts.live.real_venues import PreparedVenue, clock_text
from venues.connection import addresses_of
from venues.registry import venue_kind

_LOOK_AT_KEY: Final = ": see on the venue's own page that the key may trade and may not withdraw"
_ORDERS: Final = {"live": "orders live", "paper": "orders on paper"}


def preflight(config: LiveConfig, prepared: Sequence[PreparedVenue], halted: str) -> list[tuple[str, str]]:
    """Return (what, how it is) of all that a run is going to trade on, in the order in which one asks."""
    state = f"HALTED ({halted}): nothing is traded until a person clears it" if halted else "not halted"
    return [
        *(line for venue in prepared for line in _venue(venue)),
        *_orders(config, prepared),
        *_guard(config),
        ("record", config.record.root if config.record is not None else "nothing of the market"),
        ("journal", "yes" if config.live.journal else "no: the run cannot be replayed"),
        ("state", f"{config.live.state}: {state}"),
    ]


def warnings(config: LiveConfig, prepared: Sequence[PreparedVenue]) -> list[str]:
    """Return what is likely to go wrong, and what is to be done."""
    found = [
        f"{venue.section.name} would not answer {refused}; what it would have said is not known"
        + (_LOOK_AT_KEY if venue.setup.credentials else "")
        for venue in prepared
        for refused in venue.talk.refused
    ]
    for venue in prepared:
        names = [f"{venue.section.name}:{symbol}" for symbol in config.quoted(venue.section.name)]
        wanted = sum(config.orders.limits_of.get(name, config.orders.limits).max_order_rate for name in names)
        allowed = venue_kind(venue.section.name).orders_per_s
        if 2 * wanted > allowed and venue.section.execution == "live":
            found.append(
                f"{venue.section.name} takes {allowed:g} orders a second; max_order_rate of [orders.limits] lets "
                f"{2 * wanted:g} through in a burst: what the venue refuses may halt trading, {allowed / 2:g} is safe"
            )
    return found


def reasons_against(config: LiveConfig, prepared: Sequence[PreparedVenue], *, is_real_money_meant: bool) -> list[str]:
    """Return why nothing may be traded yet; each says what is to be done."""
    found = [
        f"{venue.section.name}: its clock is {venue.talk.ahead_s:+.1f} s from ours; set the clock of this machine (NTP)"
        for venue in prepared
        if venue.talk.is_clock_wrong
    ]
    real = [venue.section.name for venue in prepared if venue.is_real_money]
    if real and not (is_real_money_meant or config.live.real_money):
        found.append(
            f"{', '.join(real)} is mainnet, orders cost real money: say --yes-real-money, or [live] real_money = true"
        )
    return found


def _venue(venue: PreparedVenue) -> Iterator[tuple[str, str]]:
    section, setup = venue.section, venue.setup
    what = (
        "market data only"
        if not venue.is_traded
        else {"live": "orders live", "paper": "orders on paper"}[section.execution]
    )
    money = "REAL MONEY" if venue.is_real_money else "no real money"
    address = addresses_of(section.name, setup.connection).rest
    yield section.name, f"{section.network}, {what}, {money}: {address}"
    yield "", clock_text(venue.talk)
    if section.settings:
        yield "", f"settings {section.settings}"
    if setup.credentials is not None and not venue.talk.refused:
        yield "", "the key may trade and may not withdraw"
    for instrument in setup.instruments:
        yield "", _instrument(instrument, is_traded=venue.is_traded)


def _instrument(instrument: Instrument, *, is_traded: bool) -> str:
    grid = f"{instrument.symbol}: tick {instrument.tick:f}, lot {instrument.lot:f}"
    if not is_traded:
        return grid
    fees = f"fees {_bps(instrument.maker_fee)} maker, {_bps(instrument.taker_fee)} taker"
    least = f"at least {instrument.min_size * instrument.lot:f} {instrument.base}"
    if instrument.min_notional:
        least += f" and {instrument.min_notional:f} {instrument.quote}"
    return f"{grid}, {least}, {fees}"


def _bps(fee: Decimal) -> str:
    return f"{(fee * 10_000).normalize():f} bps"


def _orders(config: LiveConfig, prepared: Sequence[PreparedVenue]) -> Iterator[tuple[str, str]]:
    names = [f"{v.section.name}:{symbol}" for v in prepared for symbol in config.quoted(v.section.name)]
    for quoter in config.quoter:
        read = f", reads {', '.join(quoter.references)}" if quoter.references else ""
        yield f"quoter {quoter.name}", f"{quoter.strategy} on {', '.join(quoter.instruments)}{read}"
    for name in names:
        yield f"limits {name}", _limits(config.orders.limits_of.get(name, config.orders.limits))


def _limits(limits: Limits) -> str:
    return (
        f"position {limits.max_position:g} and {limits.max_position_notional:,.0f}, "
        f"order {_size(limits.max_order_size)} and {limits.max_order_notional:,.0f}, "
        f"{limits.max_open_orders} open, {limits.max_order_rate:g}/s, collar {limits.price_collar_bps:g} bps"
    )


def _size(units: float) -> str:
    return "any size" if units >= Limits().max_order_size else f"{units:g}"


def _guard(config: LiveConfig) -> Iterator[tuple[str, str]]:
    guard = config.guard
    checks = (
        (guard.on_drawdown, f"drawdown {guard.max_drawdown:,.2f} from the {guard.drawdown_from}"),
        (guard.on_position, f"position {guard.position_tolerance:.0%} beyond its limit"),
        (guard.on_stale_data, f"a book stale for {guard.stale_s:g} s"),
        (guard.on_refusals, f"{guard.max_refusals} refusals in {guard.refusals_window_s:g} s"),
        (guard.on_clock_skew, f"clocks {guard.max_clock_skew_ms:g} ms apart"),
        (guard.on_crashes, f"{guard.max_crashes} crashes in {guard.crashes_window_s:g} s"),
    )
    for action, text in (("halt", "halts at"), ("reduce", "only reduces at"), ("off", "does not watch")):
        chosen = [check for wanted, check in checks if wanted == action]
        if chosen:
            yield "guard", f"{text} {'; '.join(chosen)}"
    if guard.flatten:
        yield "guard", f"after a halt closes positions, at most {guard.flatten_collar_bps:g} bps beyond the touch"
