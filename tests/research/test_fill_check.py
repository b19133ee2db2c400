"""The fill checker: silent on sound runs, and every broken rule is named."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.messages import OrderFlag
from research.fill_check import RULES, check_run
from research.violation import Violation
from tests.research.naive_venue import LATENCY, NaiveVenue, Table

Tables = dict[str, Table]


def checked(venue: NaiveVenue, tables: Tables | None = None, *, extra: str = "") -> list[Violation]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        venue.write(path, tables)
        if extra:
            config = path / "run.toml"
            config.write_text(config.read_text() + extra)
        return check_run(path, venue.streams(50), venue.shifts)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    money=st.sampled_from(("linear", "inverse")),
    consume=st.booleans(),
    deltas=st.booleans(),
    chunk_rows=st.sampled_from((1, 2, 7, 1000)),
)
def test_a_sound_run_has_no_violation(seed: int, money: str, consume: bool, deltas: bool, chunk_rows: int) -> None:
    venue = NaiveVenue(seed, events=200, money=money, consume=consume)
    with TemporaryDirectory() as folder:
        run = venue.write(Path(folder) / "run")
        assert run.table("fills")["is_maker"].size == len(venue.fills)
        assert check_run(run, venue.streams(chunk_rows, deltas=deltas), venue.shifts) == []


# --- one mutation a rule: each changes the tables or the market, and returns the fill that is then wrong ----------


def row_of(tables: Tables, kind: str, client_id: int) -> int:
    orders = tables["orders"]
    rows = zip(orders["kind"], orders["client_id"], strict=True)
    return next(n for n, row in enumerate(rows) if row == (kind, client_id))


def pick(venue: NaiveVenue, tables: Tables, *, is_maker: bool, single: bool = True) -> int:
    """Return the row of a fill; `single`: of an order that was filled once, never amended and not expired."""
    orders, fills = tables["orders"], tables["fills"]
    amended = {c for k, c in zip(orders["kind"], orders["client_id"], strict=True) if k in ("AMENDED", "EXPIRED")}
    times = Counter(fills["client_id"])
    for n, client_id in enumerate(fills["client_id"]):
        if fills["is_maker"][n] is is_maker and (not single or (client_id not in amended and times[client_id] == 1)):
            return n
    raise AssertionError("the run has no such fill")


def add_fact(tables: Tables, kind: str, client_id: int, ts_venue: int) -> None:
    row = {"kind": kind, "ts": ts_venue + LATENCY, "ts_venue": ts_venue, "client_id": client_id}
    for name, values in tables["orders"].items():
        values.append(row.get(name, 0))


def repeat_fill(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    for values in tables["fills"].values():
        values.append(values[n])
    return n


def lose_order(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    tables["fills"]["client_id"][n] = 10**6
    return n


def turn_side(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    place = row_of(tables, "PLACE", tables["fills"]["client_id"][n])
    tables["orders"]["side"][place] *= -1
    return n


def refuse_order(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    tables["orders"]["kind"][row_of(tables, "ACCEPTED", tables["fills"]["client_id"][n])] = "REJECTED"
    return n


def hear_early(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    tables["fills"]["ts"][n] = tables["fills"]["ts_venue"][n] - 1
    return n


def send_late(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    client_id = tables["fills"]["client_id"][n]
    orders = tables["orders"]
    orders["ts"][row_of(tables, "PLACE", client_id)] = orders["ts_venue"][row_of(tables, "ACCEPTED", client_id)] + 1
    return n


def arrive_with_the_print(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    accepted = row_of(tables, "ACCEPTED", tables["fills"]["client_id"][n])
    tables["orders"]["ts_venue"][accepted] = tables["fills"]["ts_venue"][n]
    return n


def take_before_arrival(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    tables["orders"]["ts_venue"][row_of(tables, "ACCEPTED", tables["fills"]["client_id"][n])] += 1
    return n


def take_after_arrival(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    tables["orders"]["ts_venue"][row_of(tables, "ACCEPTED", tables["fills"]["client_id"][n])] -= 1
    return n


def end_before_fill(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    add_fact(tables, "CANCELLED", tables["fills"]["client_id"][n], tables["fills"]["ts_venue"][n] - 1)
    return n


def shrink_order(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    place = row_of(tables, "PLACE", tables["fills"]["client_id"][n])
    tables["orders"]["size"][place] = tables["fills"]["size"][n] - 1
    return n


def worsen_limit(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    fills, orders = tables["fills"], tables["orders"]
    place = row_of(tables, "PLACE", fills["client_id"][n])
    orders["price"][place] = fills["price"][n] - fills["side"][n]
    return n


def better_maker(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    tables["fills"]["price"][n] -= tables["fills"]["side"][n]
    return n


def price_below_zero(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    tables["fills"]["price"][n] = -1
    return n


def fill_unprinted(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    ts = tables["fills"]["ts_venue"][n]
    venue.prints = [row for row in venue.prints if row[0] != ts]
    venue.books = [row for row in venue.books if row[0] != ts]
    return n


def print_of_the_same_side(venue: NaiveVenue, tables: Tables) -> int:
    """A buyer's trade at our bid did not meet our bid."""
    n = fill_unprinted(venue, tables)
    ts, price, side = (tables["fills"][name][n] for name in ("ts_venue", "price", "side"))
    venue.prints = sorted([*venue.prints, (ts, price, 1000, side)])
    return n


def print_less(venue: NaiveVenue, tables: Tables) -> int:
    fills = tables["fills"]
    for n, ts in enumerate(fills["ts_venue"]):
        same = [m for m, other in enumerate(fills["ts_venue"]) if other == ts and fills["is_maker"][m]]
        if fills["is_maker"][n] and any(row[0] == ts for row in venue.prints):
            total = sum(fills["size"][m] for m in same)
            venue.books = [row for row in venue.books if row[0] != ts]
            venue.prints = [(*row[:2], total - 1, row[3]) if row[0] == ts else row for row in venue.prints]
            return n
    raise AssertionError("no fill by a print")


def forbid_taking(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    place = row_of(tables, "PLACE", tables["fills"]["client_id"][n])
    tables["orders"]["detail"][place] = int(OrderFlag.POST_ONLY)
    return n


def show_less(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    fills = tables["fills"]
    at = max(k for k, book in enumerate(venue.books) if book[0] <= fills["ts_venue"][n])
    _, bids, asks = venue.books[at]
    (asks if fills["side"][n] > 0 else bids)[fills["price"][n]] = fills["size"][n] - 1
    return n


def take_what_printed(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=False)
    ts, price, side = (tables["fills"][name][n] for name in ("ts_venue", "price", "side"))
    venue.prints = sorted([*venue.prints, (ts, price, 1000, side)])
    return n


def overcharge(venue: NaiveVenue, tables: Tables) -> int:
    n = pick(venue, tables, is_maker=True)
    tables["fills"]["fee"][n] += 1e-6
    return n


def misstate(column: str) -> Callable[[NaiveVenue, Tables], int]:
    def mutate(venue: NaiveVenue, tables: Tables) -> int:
        tables["equity"][column][2] += 1
        return -1

    return mutate


MUTATIONS: list[tuple[str, Callable[[NaiveVenue, Tables], int]]] = [
    ("twice", repeat_fill),
    ("order", lose_order),
    ("order", turn_side),
    ("order", refuse_order),
    ("time", hear_early),
    ("time", send_late),
    ("arrival", arrive_with_the_print),
    ("arrival", take_before_arrival),
    ("arrival", take_after_arrival),
    ("end", end_before_fill),
    ("size", shrink_order),
    ("price", worsen_limit),
    ("price", better_maker),
    ("price", price_below_zero),
    ("maker", fill_unprinted),
    ("maker", print_of_the_same_side),
    ("print", print_less),
    ("post_only", forbid_taking),
    ("taker", show_less),
    ("taker", take_what_printed),
    ("fee", overcharge),
    *((column, misstate(column)) for column in ("position", "cash", "fees", "funding", "pnl")),
]


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _ in MUTATIONS} == set(RULES)


@pytest.mark.parametrize(("rule", "mutate"), MUTATIONS)
def test_a_broken_rule_is_found_and_named(rule: str, mutate: Callable[[NaiveVenue, Tables], int]) -> None:
    venue = NaiveVenue(3)
    tables = venue.tables()
    n = mutate(venue, tables)
    found = [violation for violation in checked(venue, tables) if violation.rule == rule]
    assert found
    if n >= 0 and rule != "print":
        assert tables["fills"]["fill_id"][n] in {v.fill_id for v in found}
        assert {v.ts for v in found} == {tables["fills"]["ts_venue"][n]}
    assert str(found[0]).startswith(f"{rule}: instrument 0")


@pytest.mark.parametrize("mutate", [take_what_printed, print_less])
def test_a_rule_that_the_config_turns_off_is_not_applied(mutate: Callable[[NaiveVenue, Tables], int]) -> None:
    venue = NaiveVenue(3, consume=False)
    tables = venue.tables()
    mutate(venue, tables)
    rules = {v.rule for v in checked(venue, tables, extra="partial_fills = false\n")}
    assert not rules & {"taker", "print"}


def test_the_fill_model_says_which_prints_may_fill() -> None:
    venue = NaiveVenue(3)
    tables = venue.tables()
    n = print_of_the_same_side(venue, tables)
    assert "maker" not in {v.rule for v in checked(venue, tables, extra='fill_model = "touch"\n')}
    fills = tables["fills"]
    at_price = {row[:2] for row in venue.prints}
    strict = [v for v in checked(venue, tables, extra='fill_model = "strict_cross"\n') if v.rule == "maker"]
    assert fills["fill_id"][n] in {v.fill_id for v in strict}
    assert any((v.ts, v.numbers["price"]) in at_price for v in strict)


# --- what counts as sound ---------------------------------------------------------------------------------------------


def test_a_fill_in_the_instant_of_the_cancel_is_sound() -> None:
    venue = NaiveVenue(3)
    tables = venue.tables()
    n = pick(venue, tables, is_maker=True)
    add_fact(tables, "CANCELLED", tables["fills"]["client_id"][n], tables["fills"]["ts_venue"][n])
    assert checked(venue, tables) == []


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 10**6), shift=st.integers(-5000, 5000))
def test_a_maker_fill_moved_away_from_its_print_is_found(place: int, shift: int) -> None:
    venue = NaiveVenue(4, events=150)
    tables = venue.tables()
    fills = tables["fills"]
    makers = [n for n, is_maker in enumerate(fills["is_maker"]) if is_maker]
    n = makers[place % len(makers)]
    moved = fills["ts_venue"][n] + shift
    assume(moved not in {row[0] for row in venue.prints} | {row[0] for row in venue.books})
    fills["ts_venue"][n] = moved
    assert ("maker", fills["fill_id"][n]) in {(v.rule, v.fill_id) for v in checked(venue, tables)}


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 10**6), more=st.integers(1, 100))
def test_a_fill_made_larger_is_found(place: int, more: int) -> None:
    venue = NaiveVenue(5, events=150)
    tables = venue.tables()
    n = place % len(tables["fills"]["size"])
    tables["fills"]["size"][n] += more
    rules = {v.rule for v in checked(venue, tables)}
    # the money shows it, however much was printed or displayed
    assert rules & {"position", "cash"}
    assert rules & {"size", "print", "taker", "fee"}


def test_a_lost_payment_and_an_invented_one_are_found() -> None:
    venue = NaiveVenue(3)
    tables = venue.tables()
    row = row_of(tables, "FUNDING", 0)
    tables["orders"]["ts_venue"][row] += 1
    found = [v for v in checked(venue, tables) if v.rule == "funding"]
    assert "no such payment is in the data" in {v.text for v in found}
    assert "funding does not follow from the fills" in {v.text for v in found}


def test_a_wrong_stamp_is_named_once_and_a_lost_booking_from_there_on() -> None:
    venue = NaiveVenue(3)
    tables = venue.tables()
    tables["equity"]["cash"][2:] = [cash + 1 for cash in tables["equity"]["cash"][2:]]
    tables["equity"]["pnl"][2:] = [pnl + 1 for pnl in tables["equity"]["pnl"][2:]]
    assert [(v.rule, v.ts) for v in checked(venue, tables)] == [("cash", tables["equity"]["ts"][2])]


def test_facts_that_a_lost_connection_swallowed_are_not_held_against_a_run() -> None:
    venue = NaiveVenue(3)
    tables = venue.tables()
    keep = [kind not in ("ACCEPTED", "AMENDED", "CANCELLED", "EXPIRED") for kind in tables["orders"]["kind"]]
    tables["orders"] = {
        name: [value for value, kept in zip(values, keep, strict=True) if kept]
        for name, values in tables["orders"].items()
    }
    assert checked(venue, tables) == []


def test_the_clock_shift_decides_what_met_what() -> None:
    venue = NaiveVenue(3)
    with TemporaryDirectory() as folder:
        run: Any = venue.write(Path(folder) / "run")
        assert {v.rule for v in check_run(run, venue.streams(), {})} >= {"maker", "taker"}
