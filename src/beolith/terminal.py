"""How a command answers: one JSON object or a readable page on stdout, and every fault as one paragraph on stderr."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from .canonical import plain
from .errors import BeolithError, Interrupted

BUG, FAULT, STOPPED = 1, 2, 130  # exit codes
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object: SI numbers with their units named.")]
DebugFlag = Annotated[bool, typer.Option("--debug", envvar="BEOLITH_DEBUG", help="Show tracebacks and more log.")]
FLAGS = {"as_json": JsonFlag, "debug": DebugFlag}


@dataclass(frozen=True)
class Answer:
    """What a command has to say.

    Attributes:
        data: For programs.
        page: For people.
    """

    data: Mapping[str, Any]
    page: RenderableType


def answering(command: Callable[..., Answer]) -> Callable[..., None]:
    """The command with ``--json`` and ``--debug``, that prints its answer and turns faults into exit codes."""

    @functools.wraps(command)
    def door(*args: Any, as_json: bool = False, debug: bool = False, **kwargs: Any) -> None:
        level = logging.DEBUG if debug else logging.WARNING
        logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)
        for handler in logging.root.handlers:
            handler.setLevel(level)  # libraries set levels of their own loggers
        try:
            with _warnings_in_a_line(), _stdout_to_stderr() if as_json else contextlib.nullcontext():
                answer = command(*args, **kwargs)
        except typer.Exit:
            raise
        except (KeyboardInterrupt, Exception) as error:
            raise typer.Exit(_complain(error, as_json, debug)) from None
        if as_json:
            _object(answer.data)
        else:
            out = Console(markup=False, highlight=False)
            out.width = out.width if out.is_terminal else 160
            out.print(answer.page)

    signature = inspect.signature(command, eval_str=True)
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=flag)
        for name, flag in FLAGS.items()
    ]
    door.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *flags], return_annotation=None
    )
    return door


@contextlib.contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Each warning as one line on stderr, once, without the place in the code that gave it."""
    said = set[str]()

    def say(message: Warning | str, category: type[Warning], *_: Any) -> None:
        line = f"beolith: {category.__name__}: {' '.join(str(message).split())}"
        if line not in said:
            Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)
        said.add(line)

    with warnings.catch_warnings():
        warnings.showwarning = say  # type: ignore[assignment]
        yield


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Keep stdout for the one object: what else is printed, here or by a worker, goes to stderr."""
    kept = os.dup(1)
    sys.stdout.flush()
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _complain(error: BaseException, as_json: bool, debug: bool) -> int:
    """Say what went wrong and return the exit code that says it to programs."""
    kind = type(error).__name__
    message, code = str(error), FAULT
    if isinstance(error, Interrupted):
        code = STOPPED
    elif isinstance(error, KeyboardInterrupt):
        message, code = "stopped", STOPPED
    elif not isinstance(error, BeolithError):
        message, code = f"this is a bug in beolith, please report it: {kind}: {error} (--debug shows where)", BUG
    if as_json:
        _object({"error": {"type": kind, "message": message}})
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    Console(stderr=True).print(f"beolith: {message}", markup=False, highlight=False, soft_wrap=True)
    return code


def _object(data: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(plain(data, strict=True), ensure_ascii=False, allow_nan=False) + "\n")


def raw(text: str) -> Text:
    """Text that is printed as it is, however long its lines."""
    return Text(text.rstrip(), no_wrap=True, overflow="ignore")


def grid(title: str, columns: str, rows: Iterable[Sequence[str]]) -> Table:
    """A table of text.

    Args:
        title: Heading.
        columns: Names of the columns, separated by blanks.
        rows: The cells of each row.
    """
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns.split():
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def stack(*parts: RenderableType) -> Group:
    """Some things, one under the other."""
    return Group(*parts)


def write_new(file: Path, text: str, *, force: bool) -> None:
    """Write what ``--out`` asks for, and replace no file unless told to.

    Raises:
        BeolithError: The file is there already, or cannot be written.
    """
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise BeolithError(f"--out {file}: is already there; --force replaces it") from None
    except OSError as error:
        raise BeolithError(f"--out {file}: cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, fed with how much is done and how much there is."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def hush_broken_pipe() -> None:
    """Let nothing be written after the reader has gone, as in ``beolith list | head -1``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
