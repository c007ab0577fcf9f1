"""Networks and data sets that a chip is asked to run; this room knows nothing of transistors.

    test = load("mnist", "test")
    trained = train("lenet5", "mnist")
    evaluate(trained.module, test)

A name is imported when it is first asked for, so that importing the package does not cost a torch import.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .datasets import Dataset, load
    from .evaluation import evaluate
    from .training import Trained, train

__all__ = ["Dataset", "Trained", "evaluate", "load", "train"]

_HOME = {
    "Dataset": "datasets",
    "Trained": "training",
    "evaluate": "evaluation",
    "load": "datasets",
    "train": "training",
}


def __getattr__(name: str) -> object:
    """The public name, from the file that holds it (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
