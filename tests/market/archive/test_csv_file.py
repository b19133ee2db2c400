"""CSV is read exactly, in blocks of any size, and every fault is named with its file and line."""

import re
import tempfile
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.archive.csv_file import CsvError, CsvFile
from market.archive.decimal_kernels import FINE, MALFORMED, OFF_GRID, TOO_LARGE, decimal, nearest
from market.instrument import Instrument
from market.units import US
from tests.market.archive.samples import BTC, INCREMENT_HEADER, T0, TRADE_HEADER, US0, increments, trades, write_csv


def parsed(text: str, unit: Decimal) -> tuple[int, int]:
    _, digits, exponent = unit.normalize().as_tuple()
    mantissa = int("".join(map(str, digits)))
    data = np.frombuffer(text.encode(), np.uint8)
    answer, value = decimal(data, 0, len(data), mantissa, int(exponent))
    return int(answer), int(value)


UNITS = st.sampled_from(["0.1", "0.01", "0.00001", "1", "10", "100", "0.5", "0.25", "2.5", "0.0001", "3", "1000000"])


@settings(max_examples=300)
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=8, allow_nan=False), UNITS, st.sampled_from("fe"))
def test_a_decimal_is_read_exactly(value: Decimal, unit: str, notation: str) -> None:
    text = format(value, notation)
    count, rest = divmod(value, Decimal(unit))
    assert parsed(text, Decimal(unit)) == ((OFF_GRID, 0) if rest else (FINE, int(count)))


@settings(max_examples=200)
@given(st.integers(0, 10**15), UNITS, st.integers(0, 4))
def test_what_is_on_the_grid_is_found_there(count: int, unit: str, zeros: int) -> None:
    text = format(count * Decimal(unit), "f")
    text += ("0" if "." in text else ".0") * (zeros > 0) + "0" * zeros
    assert parsed(text, Decimal(unit)) == (FINE, count)


def rounded(text: str, unit: Decimal) -> tuple[int, int]:
    _, digits, exponent = unit.normalize().as_tuple()
    data = np.frombuffer(text.encode(), np.uint8)
    answer, value = nearest(data, 0, len(data), int("".join(map(str, digits))), int(exponent))
    return int(answer), int(value)


@settings(max_examples=300)
@given(st.decimals(min_value=-(10**6), max_value=10**6, places=14, allow_nan=False), UNITS, st.sampled_from("fe"))
def test_what_may_be_rounded_goes_to_the_nearest(value: Decimal, unit: str, notation: str) -> None:
    # 17 digits are taken, as many as a float has; the rest is cut off
    kept = value.quantize(Decimal(1).scaleb(value.adjusted() - 17), ROUND_DOWN) if value else value
    count = int((kept / Decimal(unit)).quantize(Decimal(1), ROUND_HALF_UP))
    assert rounded(format(value, notation), Decimal(unit)) == (FINE, count)


def test_rounding_at_the_ends_of_what_fits() -> None:
    assert rounded("0.33333333333333333333", Decimal("0.01")) == (FINE, 33)
    assert rounded("-0.5", Decimal(1)) == (FINE, -1)
    assert rounded("2.5", Decimal(5)) == (FINE, 1)
    assert rounded("1e-300", Decimal(1)) == (FINE, 0)
    assert rounded("9223372036854.775807", Decimal("0.000001")) == (TOO_LARGE, 0)
    assert rounded("9.2e12", Decimal("0.000001")) == (FINE, 92 * 10**17)
    assert rounded("1e300", Decimal(1)) == (TOO_LARGE, 0)
    assert rounded("0.1.", Decimal(1)) == (MALFORMED, 0)
    assert rounded("-", Decimal(1)) == (MALFORMED, 0)


def test_no_float_stands_between() -> None:
    # the nearest float of both is that of 61800.2
    assert parsed("61800.2", Decimal("0.1")) == (FINE, 618002)
    assert parsed("61800.2000000000001", Decimal("0.1")) == (OFF_GRID, 0)
    assert parsed("9e-05", Decimal("0.00001")) == (FINE, 9)
    assert parsed("1E+3", Decimal("0.5")) == (FINE, 2000)
    assert parsed("9223372036854775799", Decimal(1)) == (FINE, 9223372036854775799)
    assert parsed("9223372036854775808", Decimal(1)) == (TOO_LARGE, 0)
    assert parsed("92233720368547758.08", Decimal("0.001")) == (TOO_LARGE, 0)


def read(path: Path, block_bytes: int = 1 << 16, instrument: Instrument = BTC) -> list[list[int]]:
    file = CsvFile.open(path)
    return [row for chunk in file.chunks(instrument, block_bytes) for row in chunk.values.T.tolist()]


LEVELS = increments("0 5 true bid 61800.2 2.909", "0 5 true ask 61800.3 0", "1 7 false ask 61801 1e-3")


@settings(max_examples=25, deadline=None)
@given(block_bytes=st.integers(1, 400), name=st.sampled_from(["plain.csv", "packed.csv.gz"]))
def test_blocks_of_any_size_give_the_same_rows(block_bytes: int, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_csv(Path(folder) / name, LEVELS)
        assert read(path, block_bytes) == [
            [0, 0, T0, T0 + 5 * US, 1, 1, 618002, 2909],
            [0, 0, T0, T0 + 5 * US, 1, -1, 618003, 0],
            [0, 0, T0 + US, T0 + 7 * US, 0, -1, 618010, 1],
        ]


def test_line_ends_and_columns_of_other_makers(tmp_path: Path) -> None:
    lines = LEVELS.splitlines()
    dos = write_csv(tmp_path / "dos.csv", "\r\n".join(lines))  # and no end of line at the end
    more = write_csv(tmp_path / "more.csv", "\n".join([f"{lines[0]},note", *(f"{line},x y" for line in lines[1:])]))
    expected = read(write_csv(tmp_path / "plain.csv", LEVELS))
    assert read(dos) == expected
    assert [row[:-1] for row in read(more)] == expected


def test_ids_are_ints_or_stand_for_their_text(tmp_path: Path) -> None:
    uuid = "a9188a0a-82bc-50de-be60-03eedbe3cdd7"
    rows = [f"0 0 {name} buy 1 1" for name in ("7", "9000000000000000001", uuid, uuid, "a9188a0a")]
    ids = [row[4] for row in read(write_csv(tmp_path / "t.csv", trades(*rows)))]
    assert ids[:2] == [7, 9000000000000000001]
    assert ids[2] == ids[3] != ids[4]
    assert min(ids) >= 0
    # FNV-1a of "a" is 0xaf63dc4c8601ec8c (Noll's test vectors); the lower 63 bits are kept
    [row] = read(write_csv(tmp_path / "a.csv", trades("0 0 a buy 1 1")))
    assert row[4] == 0xAF63DC4C8601EC8C & (2**63 - 1)
    text = trades("0 0 7 buy 1 1").replace(",7,", ",,")
    assert read(write_csv(tmp_path / "none.csv", text))[0][4] == -1


START = f"binance-futures,BTCUSDT,{US0},{US0}"
INVERSE = attrs.evolve(BTC, inverse=True, multiplier=Decimal(100), quote="USD", lot=Decimal(1))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            f"{START},false,bid,61800.25,1",
            "price 61800.25 USDT is not a multiple of tick size 0.1 (binance-futures:BTCUSDT)",
        ),
        (
            f"{START},false,bid,61800.2,0.0005",
            "amount 0.0005 BTC is not a multiple of lot size 0.001 (binance-futures:BTCUSDT)",
        ),
        (f"{START},false,bid,0,1", "price 0 USDT must be above 0"),
        (f"{START},false,bid,-5,1", "price -5 USDT must be above 0"),
        (f"{START},false,bid,5,-1", "amount -1 BTC must be at least 0"),
        (f"{START},false,bid,1e300,1", "price 1e300 USDT is too large: more than 63 bits of ticks"),
        (f"{START},false,bid,nan,1", "price 'nan' is not a number"),
        (f"{START},false,bid,,1", "price '' is not a number"),
        (f"{START},false,bid,5,1 ", "amount '1 ' is not a number"),
        (f"{START},false,bid,1.2.3,1", "price '1.2.3' is not a number"),
        (f"{START},false,buy,5,1", "side 'buy' must be bid or ask"),
        (f"{START},maybe,bid,5,1", "is_snapshot 'maybe' must be true or false"),
        (f"{START},false,bid,5", f"7 columns, wanted 8: '{START},false,bid,5'"),
        (f"{START},false,bid,5,1,1", f"9 columns, wanted 8: '{START},false,bid,5,1,1'"),
        ("", "1 columns, wanted 8: ''"),
        ("binance-futures,BTCUSDT,12.5,1,false,bid,5,1", "timestamp '12.5' must be a whole number of microseconds"),
        ("binance-futures,BTCUSDT,1,-1,false,bid,5,1", "local_timestamp '-1' must be a whole number of microseconds"),
        (
            "binance-futures,BTCUSDT,1,99999999999999999999,false,bid,5,1",
            "local_timestamp '99999999999999999999' must be a whole number of microseconds",
        ),
        (
            f"binance-futures,ETHUSDT,{US0},{US0},false,bid,5,1",
            "symbol 'ETHUSDT' differs from the file's first, 'BTCUSDT'; a file holds one instrument",
        ),
        (
            f"bybit,BTCUSDT,{US0},{US0},false,bid,5,1",
            "exchange 'bybit' differs from the file's first, 'binance-futures'; a file holds one instrument",
        ),
    ],
)
@pytest.mark.parametrize("block_bytes", [50, 1 << 16])
def test_a_fault_names_file_and_line(tmp_path: Path, row: str, says: str, block_bytes: int) -> None:
    lines = LEVELS.splitlines()
    path = write_csv(tmp_path / "wrong.csv.gz", "\n".join([*lines[:3], row, *lines[3:]]) + "\n")
    with pytest.raises(CsvError, match=f"^{re.escape(f'{path}:4: {says}')}$"):
        read(path, block_bytes)


def test_contracts_are_called_so(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "wrong.csv", trades("0 0 1 buy 5 0.5"))
    says = f"{path}:2: amount 0.5 contracts is not a multiple of lot size 1 (binance-futures:BTCUSDT)"
    with pytest.raises(CsvError, match=f"^{re.escape(says)}$"):
        read(path, instrument=INVERSE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1: the file is empty; wanted a header"),
        ("a,b\n", "1: no column 'exchange'; the header is 'a,b'"),
        (
            "exchange,symbol,timestamp,local_timestamp,funding_rate\n",
            "1: the header is none of incremental_book_L2, book_snapshot_N, trades or derivative_ticker: "
            "'exchange,symbol,timestamp,local_timestamp,funding_rate'",
        ),
        (f"{TRADE_HEADER},id\n", "1: column 'id' stands there twice"),
        (f"{INCREMENT_HEADER}\nbinance,X,1\n", "2: 3 columns, wanted 8: 'binance,X,1'"),
        (
            f"{TRADE_HEADER}\nbinance,X,1,now,1,buy,1,1\n",
            "2: local_timestamp 'now' must be a whole number of microseconds",
        ),
    ],
)
def test_a_head_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    path = write_csv(tmp_path / "wrong.csv", text)
    with pytest.raises(CsvError, match=f"^{re.escape(f'{path}:{says}')}$"):
        CsvFile.open(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"^no file {tmp_path / 'no.csv'}$"):
        CsvFile.open(tmp_path / "no.csv")


def test_a_truncated_gzip_is_no_end(tmp_path: Path) -> None:
    rows = [f"{i} {i} {i * 7919} buy {60000 + i * 31 % 977}.{i % 10} 0.{i * 37 % 900 + 1:03}" for i in range(1, 40_000)]
    path = write_csv(tmp_path / "t.csv.gz", trades(*rows))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CsvError, match=rf"^{re.escape(str(path))}:\d+: cannot be read on from about here: "):
        read(path)
    assert CsvFile.open(path).first_recv == T0 + US
