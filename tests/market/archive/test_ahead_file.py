"""Files of the write-ahead, and the folders that they are in."""

from pathlib import Path

from market.archive.ahead_file import AheadFile
from market.archive.ahead_layout import ahead_root
from market.archive.recorder import Recorder
from market.units import HOUR, SECOND
from tests.market.archive.samples import BTC, T0, trade_columns


def test_empty_folders_stay_while_a_recorder_could_be_about_to_use_them(tmp_path: Path) -> None:
    made = Recorder(tmp_path, [(BTC, "trades")], T0)
    for hour in (0, 2):  # the second one is on the next day
        made.put(BTC.id, "trades", trade_columns([T0 + hour * HOUR + SECOND]))
        made.flush(T0 + hour * HOUR + 2 * SECOND)
    folders = sorted((ahead_root(tmp_path) / BTC.venue / BTC.symbol / "trades").iterdir())
    assert [path.name for path in folders] == ["2024-08-08", "2024-08-09"]
    assert len(made.roll().hours) == 2
    assert all(path.is_dir() for path in folders)
    assert list(folders[0].iterdir()) == []
    made.close(T0 + 3 * HOUR)
    made.roll()
    Recorder(tmp_path, [(BTC, "trades")], T0 + 4 * HOUR).close(T0 + 4 * HOUR)
    assert [path.name for path in ahead_root(tmp_path).iterdir()] == [".lock"], "they go with the next start"


def test_no_append_makes_no_file(tmp_path: Path) -> None:
    file = AheadFile(tmp_path / "a", tmp_path)
    file.sync()
    file.finish()
    assert list(tmp_path.iterdir()) == []
