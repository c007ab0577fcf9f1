"""What can go wrong, by name; every message says what, where, what is allowed and the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BeolithError(Exception):
    """A fault that the user can mend; its message is one paragraph, never a traceback."""


class CardError(BeolithError):
    """A card breaks the rules; the message lists every fault of the file, a line each."""


class StudyError(BeolithError):
    """A study is unknown, wrongly configured, or cannot finish."""


class Interrupted(StudyError):  # noqa: N818 - an interruption is no error; what was finished is kept
    """A sweep was stopped from the keyboard; the message says what is kept and how to resume."""


class DataError(BeolithError):
    """A file of data, results or references is missing, damaged or not what it claims to be."""


class ConvergenceError(BeolithError):
    """A solver gave up on a single run; in a batch the same failure is NaN and a status code."""


class ExtrapolationWarning(UserWarning):
    """A model is used outside the range it was fitted in."""


class ConvergenceWarning(UserWarning):
    """A solver stopped before its tolerance was met."""


def nearest(name: object, allowed: Iterable[str]) -> str:
    """The end of a message about an unknown name: the valid name it resembles, or all valid names.

    Args:
        name: What was written.
        allowed: Every name that would have been valid.

    Example:
        >>> nearest("threshold_volt", ["threshold_voltage", "mobility"])
        "did you mean 'threshold_voltage'?"
        >>> nearest("x", ["threshold_voltage", "mobility"])
        'allowed: mobility, threshold_voltage'
    """
    names = sorted(allowed)
    close = difflib.get_close_matches(str(name), names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"allowed: {', '.join(names)}" if names else "there are none yet"
