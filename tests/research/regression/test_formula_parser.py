"""A formula is read as written, and a wrong one is shown where it is wrong."""

import pytest

from research.regression.formula_error import FormulaError
from research.regression.operators import OPERATORS, Family
from research.regression.parser import parse
from research.regression.syntax import Call, Column, Constant

COLUMNS = dict.fromkeys(("t0", "t60", "value", "close", "volume", "odd name", "const_7", "x_1"), "") | {
    "key": "holds str, not numbers"
}


def names(formula: str) -> list[str]:
    return [str(block) for block in parse(formula, COLUMNS).blocks]


def test_the_tutorials_formula_is_read_into_two_blocks() -> None:
    formula = parse("div(minus(t60,t0),t0) ~ div(minus(value,t0),t0)", COLUMNS)
    assert [str(b) for b in formula.blocks] == ["div(minus(t60,t0),t0)", "div(minus(value,t0),t0)"]
    assert formula.term_names == ("b1",)


@pytest.mark.parametrize(
    ("right", "terms"),
    [
        ("t0 + value", ("b1", "b2")),
        ("t0:value", ("b1:b2",)),
        ("t0*value", ("b1", "b2", "b1:b2")),
        ("t0*value*close", ("b1", "b2", "b3", "b1:b2", "b1:b3", "b2:b3", "b1:b2:b3")),
        ("t0 + value:close", ("b1", "b2:b3")),
        ("t0:value + value", ("b2", "b1:b2")),
        ("(t0 + value):close", ("b1:b3", "b2:b3")),
        ("t0 + t0", ("b1",)),
        ("t0:t0", ("b1",)),
        # the same block however it is spaced
        ("minus(value, t0) + minus(value,t0)", ("b1",)),
    ],
)
def test_signs_join_blocks_to_terms(right: str, terms: tuple[str, ...]) -> None:
    assert parse(f"t60 ~ {right}", COLUMNS).term_names == terms


def test_terms_are_those_of_patsy() -> None:
    patsy = pytest.importorskip("patsy")
    for right in ("a + b*c", "a:b + c", "(a + b)*c", "a*b:c", "a*b*c", "(a + b):(b + c)"):
        described = patsy.ModelDesc.from_formula(f"y ~ {right}").rhs_termlist
        theirs = {frozenset(f.name() for f in term.factors) for term in described if term.factors}
        formula = parse(f"y ~ {right}", dict.fromkeys("abcy", ""))
        ours = {frozenset(str(formula.blocks[i]) for i in term) for term in formula.terms}
        assert ours == theirs, right


def test_parameters_ride_the_name() -> None:
    block = parse("t60 ~ ls_25/75(delay_5(value))", COLUMNS).blocks[1]
    assert isinstance(block, Call)
    assert (block.name, block.parameters) == ("ls", (25.0, 75.0))
    inner = block.arguments[0]
    assert isinstance(inner, Call)
    assert (inner.name, inner.parameters, inner.arguments) == ("delay", (5.0,), (Column("value", (0, 0)),))
    assert names("t60 ~ pow_-0.5(value) + plus_un(t0,value)")[1:] == ["pow_-0.5(value)", "plus_un(t0,value)"]


def test_constants_and_columns_of_any_name() -> None:
    assert parse("t60 ~ const_-1.5", COLUMNS).blocks[1] == Constant(-1.5, (0, 0))
    assert parse("t60 ~ `odd name` + x_1", COLUMNS).blocks[1:] == (Column("odd name", (0, 0)), Column("x_1", (0, 0)))
    # a column goes before a constant of that name
    assert parse("t60 ~ const_7", COLUMNS).blocks[1] == Column("const_7", (0, 0))


def test_a_bars_short_names_stand_for_the_long_ones() -> None:
    formula = parse("c ~ logret_1() + high", {"c": "", "h": ""})
    assert formula.blocks[2] == Column("h", (0, 0))


def test_a_block_written_out_reads_as_itself() -> None:
    text = "div(minus(t60,t0),const_0.0123456789)"
    assert names(f"{text} ~ `odd name`") == [text, "`odd name`"]


@pytest.mark.parametrize(
    ("formula", "reason", "wrong"),
    [
        ("t60 ~ minus(vlaue,t0)", "unknown column 'vlaue'; did you mean 'value'?", "vlaue"),
        ("t60 ~ dley_5(t0)", "unknown operator 'dley'; did you mean 'delay'?", "dley"),
        ("t60 ~ __import__(t0)", "unknown operator '__import__'", "__import__"),
        ("t60 ~ minus(t0)", "minus takes 2 arguments, got 1", "minus(t0)"),
        ("t60 ~ abs(t0,value)", "abs takes 1 argument, got 2", "abs(t0,value)"),
        ("t60 ~ plus(t0)", "plus takes 2 or more arguments, got 1", "plus(t0)"),
        ("t60 ~ obv_5(t0)", "obv takes no argument, got 1", "obv_5(t0)"),
        (
            "t60 ~ delay(t0)",
            "delay takes 1 parameter in its name (n: a number of rows, 0 or more), as in delay_5; got 0",
            "delay",
        ),
        (
            "t60 ~ ls_25(t0)",
            "ls takes 2 parameters in its name (a: a percentile from 0 to 100; b: a percentile from 0 to 100), "
            "as in ls_25/25; got 1",
            "ls_25",
        ),
        ("t60 ~ abs_2(t0)", "abs takes no parameter", "abs_2"),
        ("t60 ~ mean_0(t0)", "'0' is not a number of rows, 1 or more, the parameter n of mean", "0"),
        ("t60 ~ mean_2.5(t0)", "'2.5' is not a number of rows, 1 or more, the parameter n of mean", "2.5"),
        ("t60 ~ mean_inf(t0)", "'inf' is not a number of rows, 1 or more, the parameter n of mean", "inf"),
        ("t60 ~ ls_5/105(t0)", "'105' is not a percentile from 0 to 100, the parameter b of ls", "105"),
        ("t60 ~ plus_of(t0,value)", "'of' is not ix or un, the parameter join of plus", "of"),
        ("t60 ~ const_x", "'x' is not a number: write const_1, const_-0.5", "const_x"),
        ("t60 ~ abs(key)", "column 'key' holds str, not numbers", "key"),
        ("t60 ~ t0(value)", "'t0' is a column, not an operator", "t0"),
        ("t60 ~ abs", "unknown column 'abs'; abs is an operator: abs(x)", "abs"),
        ("t60 ~ t0-value", "unknown column 't0-value'; - is written minus(x,y)", "t0-value"),
        ("t60 ~ t0 - value", "'-' does not belong here; - is written minus(x,y)", "-"),
        (
            "t60 ~ t0 + 0",
            "unknown column '0'; a number is written const_0, and the intercept is chosen by intercept=",
            "0",
        ),
        ("t60 ~ abs(t0", "this bracket is never closed", "("),
        ("t60 ~ `odd name", "this backquote is never closed", "`"),
        ("t60 ~ t0)", "this bracket was never opened", ")"),
        ("t60 ~ t0 ~ value", "a second ~; a formula has one", "~"),
        ("t60 ~ value + t60", "a block explains itself: it stands on both sides of ~", "t60"),
        ("t60 + t0 ~ value", "the response is one block, followed by ~; add or multiply inside it (plus, mult)", "+"),
    ],
)
def test_an_error_names_the_wrong_part_and_points_at_it(formula: str, reason: str, wrong: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(formula, COLUMNS)
    error = caught.value
    assert error.reason == reason
    assert formula[error.start : error.end] == wrong
    _, shown, carets = str(error).splitlines()
    assert shown == f"  {formula}"
    assert carets.count("^") == len(wrong)
    assert shown[carets.index("^") :].startswith(wrong)


@pytest.mark.parametrize(
    ("formula", "reason", "at"),
    [
        ("t60 ~", "a column or an operator is missing at the end", 5),
        ("t60", "a formula is `response ~ regressors`; there is no ~", 3),
        ("~ t0", "a column or an operator is missing before '~'", 0),
        ("t60 ~ minus(t0,)", "a column or an operator is missing before ')'", 15),
        ("", "a formula is `response ~ regressors`; there is no ~", 0),
    ],
)
def test_what_is_missing_is_shown_at_its_place(formula: str, reason: str, at: int) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(formula, COLUMNS)
    assert (caught.value.reason, caught.value.start) == (reason, at)
    assert str(caught.value).splitlines()[2] == " " * (2 + at) + "^"


def test_a_pseudo_operator_says_which_column_it_lacks() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("t60 ~ logret_5()", {"t60": "", "t0": ""})
    assert caught.value.reason == (
        "logret cannot be computed: unknown column 'close'; the columns are t0, t60; or say what to take, "
        "as in logret_5(x)"
    )
    assert (caught.value.start, caught.value.end) == (6, 16)


def test_every_formula_of_a_pseudo_operator_can_be_read() -> None:
    bars = dict.fromkeys(("open", "high", "low", "close", "volume"), "")
    pseudo = [o for o in OPERATORS.values() if o.family is Family.PSEUDO]
    assert len(pseudo) > 10
    for operator in pseudo:
        riding = "/".join(["5", "9"][: len(operator.parameters)])
        block = parse(f"close ~ {operator.name}{'_' if riding else ''}{riding}()", bars).blocks[1]
        assert isinstance(block, Call)
        assert block.expansion is not None


@pytest.mark.parametrize("opening", ["neg(", "("])
def test_brackets_may_be_deep_but_not_without_end(opening: str) -> None:
    columns = {"y": "", "x": ""}
    assert parse(f"y ~ {opening * 100}x{')' * 100}", columns).term_names == ("b1",)
    with pytest.raises(FormulaError, match=r"^more than 100 brackets inside each other"):
        parse(f"y ~ {opening * 5000}x{')' * 5000}", columns)
    # side by side is not inside
    assert len(parse("y ~ " + "+".join(f"{opening}delay_{n}(x){')'}" for n in range(200)), columns).terms) == 200
