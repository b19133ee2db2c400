"""Reading a formula: recursive descent over its tokens, each rule a method.

    formula  = block "~" sum
    sum      = product { "+" product }              terms of the model
    product  = crossing { "*" crossing }            a * b is a + b + a:b
    crossing = atom { ":" atom }                    a:b is the product of the two
    atom     = "(" sum ")" | block
    block    = name [ "_" parameter { "/" parameter } ] "(" [ block { "," block } ] ")"
             | column | "`" any column "`" | "const_" number

The signs between blocks are those of Wilkinson and Rogers (1973, Applied Statistics 22) as patsy reads them.
"""

from collections.abc import Mapping

from research.regression.formula_error import FormulaError
from research.regression.operators import OPERATORS, Family
from research.regression.parameters import operator_name, read_parameters
from research.regression.syntax import Call, Column, Constant, Formula, Node, number_text
from research.regression.tokens import Token, tokens
from research.regression.words import counted, did_you_mean, hint

DEEPEST = 100  # calls inside each other, and brackets; far more than anybody reads
# what bars may call their columns; the long name is looked for first
SHORT = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
Term = tuple[int, ...]


def parse(formula: str, columns: Mapping[str, str]) -> Formula:
    """Read a formula.

    Args:
        columns: {column of the frame: why it cannot be used}, the reason empty for a good one.

    Raises:
        FormulaError: the formula is wrong; the text points at the place.
    """
    return _Parser(formula, columns).formula()


class _Parser:
    """The tokens of one formula and how far they have been read."""

    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        self._text = text
        self._columns = columns
        self._tokens = list(tokens(text))
        self._next = 0
        self._depth = 0
        self._blocks: dict[Node, int] = {}

    def formula(self) -> Formula:
        if not any(t.text == "~" for t in self._tokens):
            raise self._wrong("a formula is `response ~ regressors`; there is no ~", self._tokens[-1])
        response = self._block()
        if not self._take("~"):
            raise self._wrong("the response is one block, followed by ~; add or multiply inside it (plus, mult)")
        self._number(response)
        found = self._sum()
        if self._here.kind != "end":
            raise self._unexpected()
        terms = tuple(sorted(found, key=len))
        return Formula(self._text, tuple(self._blocks), terms)

    def whole_block(self) -> Node:
        block = self._block()
        if self._here.kind != "end":
            raise self._unexpected()
        return block

    # dicts for the sets of terms: they keep the order of the formula

    def _sum(self) -> dict[Term, None]:
        found = self._product()
        while self._take("+"):
            found |= self._product()
        return found

    def _product(self) -> dict[Term, None]:
        found = self._crossing()
        while self._take("*"):
            right = self._crossing()
            found = found | right | _crossed(found, right)
        return found

    def _crossing(self) -> dict[Term, None]:
        found = self._atom()
        while self._take(":"):
            found = _crossed(found, self._atom())
        return found

    def _atom(self) -> dict[Term, None]:
        opened = self._here
        if self._take("("):
            self._deeper(opened)
            found = self._sum()
            self._close(opened)
            return found
        block = self._block()
        number = self._number(block)
        if number == 0:
            raise FormulaError("a block explains itself: it stands on both sides of ~", self._text, *block.place)
        return {(number,): None}

    def _block(self) -> Node:
        token = self._here
        if token.kind not in ("word", "quoted"):
            raise self._wrong(f"a column or an operator is missing{_before(token)}", token)
        self._next += 1
        if token.kind == "word" and self._here.text == "(" and self._here.kind == "sign":
            return self._call(token)
        return self._terminal(token)

    def _call(self, token: Token) -> Node:
        name = operator_name(token.text)
        if name is None:
            if token.text in self._columns:
                raise self._wrong(f"{token.text!r} is a column, not an operator", token)
            first = token.text.partition("_")[0] or token.text
            raise self._wrong(f"unknown operator {first!r}{did_you_mean(first, OPERATORS)}", token, len(first))
        operator = OPERATORS[name]
        parameters = read_parameters(operator, token, self._text)
        opened = self._here
        self._next += 1
        self._deeper(opened)
        arguments: list[Node] = []
        if self._here.text != ")":
            arguments.append(self._block())
            while self._take(","):
                arguments.append(self._block())
        closed = self._here
        self._close(opened)
        fewest, most = operator.takes
        if len(arguments) < fewest or (most is not None and len(arguments) > most):
            reason = f"{name} takes {counted(fewest, most)}, got {len(arguments)}"
            raise FormulaError(reason, self._text, token.start, closed.end)
        call = Call(name, parameters, tuple(arguments), (token.start, closed.end))
        return self._expanded(call) if operator.family is Family.PSEUDO else call

    def _expanded(self, call: Call) -> Call:
        operator = OPERATORS[call.name]
        fillers = {k: number_text(float(p)) for k, p in zip("ab", call.parameters, strict=False)}
        fillers["x"] = str(call.arguments[0]) if call.arguments else operator.default
        opening = str(Call(call.name, call.parameters, (), call.place))[:-1]
        try:
            expansion = _Parser(operator.expands_to.format(**fillers), self._columns).whole_block()
        except FormulaError as error:
            way_out = f"; or say what to take, as in {opening}x)" if operator.default else ""
            raise FormulaError(
                f"{call.name} cannot be computed: {error.reason}{way_out}", self._text, *call.place
            ) from None
        return Call(call.name, call.parameters, call.arguments, call.place, expansion)

    def _terminal(self, token: Token) -> Node:
        name, place = token.text, (token.start, token.end)
        if name not in self._columns and SHORT.get(name) in self._columns:
            name = SHORT[name]
        if name in self._columns:
            if self._columns[name]:
                raise self._wrong(f"column {name!r} {self._columns[name]}", token)
            return Column(name, place)
        if token.kind == "word" and name.startswith("const_"):
            try:
                return Constant(float(name.removeprefix("const_")), place)
            except ValueError:
                raise self._wrong(
                    f"{name.removeprefix('const_')!r} is not a number: write const_1, const_-0.5", token
                ) from None
        raise self._wrong(f"unknown column {name!r}{hint(name, self._columns)}", token)

    def _number(self, block: Node) -> int:
        return self._blocks.setdefault(block, len(self._blocks))

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _take(self, sign: str) -> bool:
        found = self._here.kind == "sign" and self._here.text == sign
        self._next += found
        return found

    def _deeper(self, opened: Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} brackets inside each other", opened)

    def _close(self, opened: Token) -> None:
        self._depth -= 1
        if self._here.kind == "end":
            raise self._wrong("this bracket is never closed", opened)
        if not self._take(")"):
            raise self._unexpected()

    def _unexpected(self) -> FormulaError:
        token = self._here
        if token.text == "~":
            return self._wrong("a second ~; a formula has one")
        if token.text == ")":
            return self._wrong("this bracket was never opened")
        more = hint(token.text, {}) if token.kind == "word" else ""
        return self._wrong(f"{token.text!r} does not belong here{more}")

    def _wrong(self, reason: str, token: Token | None = None, length: int | None = None) -> FormulaError:
        token = token or self._here
        end = token.end if length is None else token.start + length
        return FormulaError(reason, self._text, token.start, end)


def _crossed(left: Mapping[Term, None], right: Mapping[Term, None]) -> dict[Term, None]:
    return {tuple(sorted({*a, *b})): None for a in left for b in right}


def _before(token: Token) -> str:
    return " at the end" if token.kind == "end" else f" before {token.text!r}"
