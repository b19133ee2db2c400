"""A wrong formula, and where it is wrong."""


class FormulaError(ValueError):
    """A formula that cannot be read or computed; its text shows the place with carets under it.

    Attributes:
        formula: the whole formula.  start, end: the wrong part is `formula[start:end]`.
        reason: what is wrong there, without the picture.
    """

    def __init__(self, reason: str, formula: str, start: int, end: int) -> None:
        carets = " " * start + "^" * max(1, end - start)
        # a tab or line end would move the carets
        line = "".join(" " if c.isspace() else c for c in formula)
        super().__init__(f"{reason}\n  {line}\n  {carets}")
        self.reason = reason
        self.formula = formula
        self.start = start
        self.end = end
