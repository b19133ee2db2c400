"""Secrets leave no trace: those of the environment, of a config, and those that give themselves away."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.redaction import PLACE_HOLDER, Redactor, environment, is_secret_name

KEY = "9f" * 32


@pytest.mark.parametrize(
    "name",
    ["BYBIT_DEMO_KEY", "bybit_secret", "API_TOKEN", "DB_PASSWORD", "OKX_PASSPHRASE", "WALLET_PRIVATE", "MNEMONIC"],
)
def test_names_that_look_like_secrets(name: str) -> None:
    redact = Redactor({name: "x9f-33ab", "HOME": "/home/trader"})
    assert redact("key=x9f-33ab at /home/trader") == f"key={PLACE_HOLDER} at /home/trader"


def test_values_that_hold_each_other_and_lines_of_one() -> None:
    redact = Redactor(
        {"A_KEY": "abcdef", "B_KEY": "abcdef.ghijkl", "C_KEY": "-----line one\nline two-----", "D_KEY": "1"}
    )
    assert redact("abcdef.ghijkl|abcdef|line two-----|1") == "|".join([PLACE_HOLDER] * 3 + ["1"])


def test_nothing_to_hide() -> None:
    assert Redactor({"PATH": "/usr/bin", "EMPTY_KEY": ""})("/usr/bin text") == "/usr/bin text"


@settings(max_examples=40)
@given(
    secret=st.text(min_size=6, max_size=12).map(str.strip).filter(lambda s: len(s) >= 6),
    lead=st.text(max_size=5),
    trail=st.text(max_size=5),
)
def test_a_secret_is_gone_wherever_it_stands(secret: str, lead: str, trail: str) -> None:
    redact = Redactor({"VENUE_SECRET": secret})
    for form in (secret, repr(secret)[1:-1]):
        assert secret not in redact(f"{lead} {form} {trail}").replace(PLACE_HOLDER, "")


def test_secrets_of_a_config_go_there_and_elsewhere() -> None:
    config = {
        "run": {"seed": 7, "key": "vamp"},
        "venue": [{"name": "bybit", "api_key": "abc123def", "apiSecret": "pw", "password": "hunter2hunter2"}],
        "n_tokens": 4,
        "private-key": {"main": "deadbeefcafe"},
    }
    redact = Redactor({}, [config])
    assert redact.tree(config) == {
        "run": {"seed": 7, "key": "vamp"},
        "venue": [
            {"name": "bybit", "api_key": PLACE_HOLDER, "apiSecret": PLACE_HOLDER, "password": PLACE_HOLDER},
        ],
        "n_tokens": 4,
        "private-key": {"main": PLACE_HOLDER},
    }
    assert redact("connects with abc123def, then deadbeefcafe; pw") == (
        f"connects with {PLACE_HOLDER}, then {PLACE_HOLDER}; pw"
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('API_KEY = "k-1"', f'API_KEY = "{PLACE_HOLDER}"'),
        ("api_secret: str = 'k-1'  # note", f"api_secret: str = '{PLACE_HOLDER}'  # note"),
        ('config["apiSecret"] = "k-1"', f'config["apiSecret"] = "{PLACE_HOLDER}"'),
        ('{"password": "k-1", "seed": "7"}', f'{{"password": "{PLACE_HOLDER}", "seed": "7"}}'),
        ("Client(secret=b'k-1', host='x')", f"Client(secret=b'{PLACE_HOLDER}', host='x')"),
        ("run.py --api-key k-1 --seed 7", f"run.py --api-key {PLACE_HOLDER} --seed 7"),
        ("run.py --token='k 1' --out d", f"run.py --token={PLACE_HOLDER} --out d"),
        ("https://me:k-1@host/path", f"https://{PLACE_HOLDER}@host/path"),
        (f"wallet 0x{KEY}", f"wallet {PLACE_HOLDER}"),
        (
            "a\n-----BEGIN EC PRIVATE KEY-----\nMIG\n-----END EC PRIVATE KEY-----\nb",
            f"a\n{PLACE_HOLDER}\n\n\nb",
        ),
    ],
)
def test_what_looks_like_a_secret_by_itself(text: str, left: str) -> None:
    assert Redactor({})(text) == left


@pytest.mark.parametrize(
    "text",
    [
        'self.declare(key="vamp", value=mid)',
        'secret = os.environ["BYBIT_SECRET"]',
        f"digest {KEY}",
        "token.STRING: STRING",
        "run.py --keys 3 --out runs/1",
        "http://127.0.0.1:8080/path",
    ],
)
def test_what_does_not(text: str) -> None:
    assert Redactor({})(text) == text


def test_names() -> None:
    names = ("apiKey", "API-KEY", "secret", "bybit_secret", "auth_token", "privateKey", "signing_key", "walletKey")
    assert all(map(is_secret_name, names))
    assert not any(map(is_secret_name, ("key", "keys", "monkey", "tokenizer", "secretary", "n_passes", "keyword")))


def test_an_env_file_counts_as_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("# a comment\nexport LOCKSTEP_TEST_SECRET='from-a-file'\nnothing\n")
    monkeypatch.chdir(tmp_path)
    assert environment()["LOCKSTEP_TEST_SECRET"] == "from-a-file"
    monkeypatch.setenv("LOCKSTEP_TEST_SECRET", "set-outside")
    assert environment()["LOCKSTEP_TEST_SECRET"] == "set-outside"


def test_a_key_beside_a_secret_is_one_too() -> None:
    redact = Redactor({})
    lines = [
        "keys = {",
        "  'bybit': {",
        "    'key': 'AKIA7',",
        "    'secret': 'abc',",
        "    'env': 'demo',",
        "  },",
        "}",
    ]
    code = "\n".join(lines)
    assert redact(code) == code.replace("AKIA7", PLACE_HOLDER).replace("abc", PLACE_HOLDER)
    assert redact('connect(key="AKIA7", secret="abc")') == f'connect(key="{PLACE_HOLDER}", secret="{PLACE_HOLDER}")'
    for plain in ('self.declare(key="vamp", value=mid)', "{'key': 'vamp', 'group': 'fair'}"):
        assert redact(plain) == plain

    keys = {"bybit": {"key": "AKIA777", "secret": "abcdef", "env": "demo"}}
    assert redact.tree(keys) == {"bybit": {"key": PLACE_HOLDER, "secret": PLACE_HOLDER, "env": "demo"}}
    assert redact.tree({"key": "vamp", "group": "fair"}) == {"key": "vamp", "group": "fair"}
    # and wherever else it stands
    assert Redactor({}, [keys])("with AKIA777") == f"with {PLACE_HOLDER}"
