"""The figures of an account: which word and which moment is what, wherever they stand.

A window is remembered in slices, the parts of it in which something was spent. They are a ring: COUNT of its RING
places are in use, from FIRST on. All at zero is a new account.
"""

from __future__ import annotations

from typing import Final, Protocol

SLICES: Final = 60  # an amount counts up to one part longer than the window
RING: Final = SLICES + 1

# The words.
HELD: Final = 0
HOLDERS: Final = 1  # statements that hold something
SUM: Final = 2  # of all slices
STATEMENTS: Final = 3
SIZE: Final = 4  # one more than it is; 0: not known
WARNED: Final = 5
CHANGED: Final = 6
FIRST: Final = 7
COUNT: Final = 8
AMOUNTS: Final = 9  # of each slice
BY: Final = AMOUNTS + RING  # how many statements, of each slice
WORDS: Final = BY + RING
# The moments.
WINDOW: Final = 0
BEGAN: Final = 1  # when the newest slice began
LAST: Final = 2  # the latest moment of each slice
MOMENTS: Final = LAST + RING


class Words(Protocol):
    """A list, or memory."""

    def __getitem__(self, at: int, /) -> int: ...

    def __setitem__(self, at: int, to: int, /) -> None: ...


class Moments(Protocol):
    """The same of moments."""

    def __getitem__(self, at: int, /) -> float: ...

    def __setitem__(self, at: int, to: float, /) -> None: ...
