# SPDX-License-Identifier: Apache-2.0
"""Errors of the library, with their four parts."""
from __future__ import annotations

import operator


class Error(RuntimeError):
    """Anything that the outside can cause: files, arguments, unsupported models.

    >>> import ropewalk
    >>> try:
    ...     ropewalk.Model("no/such/model.gguf")
    ... except ropewalk.Error as error:
    ...     error.place
    'no/such/model.gguf'
    """

    def __init__(self, place: str, expected: str, found: str, hint: str = ""):
        super().__init__(place, expected, found, hint)
        self.place = place
        self.expected = expected
        self.found = found
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}; found {self.found}" + (f"; hint: {self.hint}" if self.hint else "")


class UsageError(Error, ValueError):
    """A wrong argument: the spelling of a method, a parameter out of range, a length."""


def count(number: object, place: str) -> int:
    """A whole number of Python's or numpy's. Errors: UsageError."""
    try:
        return operator.index(number)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(place, "a whole number", repr(number), "16k is 16 * 1024 here") from None
