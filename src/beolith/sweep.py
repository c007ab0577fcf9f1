"""Sweeps: the same points on one core, many cores or a cluster; a finished point is never computed twice or lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from .canonical import digest, plain
from .errors import BeolithError, CardError, DataError, Interrupted, StudyError
from .store import PointStore

Point = Mapping[str, Any]
Result = dict[str, Any]
Progress = Callable[[int, int], None]
Computed = Generator[tuple[str, Result | BeolithError], None, None]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
logger = logging.getLogger(__name__)


def run(
    function: Callable[[Point], Mapping[str, Any]],
    points: Sequence[Point],
    store: PointStore,
    *,
    context: Mapping[str, Any] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> list[Result]:
    """Results of a function at every point, in the order of the points.

    A result is what the function returned with ``status`` ``"ok"`` and an empty ``message``, or, where it raised,
    only ``status`` ``"failed"`` and ``message`` ``"Type: text"``. Failed points are tried again on resume. A faulty
    card or data file is no failure of a point but ends the sweep, because no other point would fare better.

    Args:
        function: Computes one point; must be importable on the workers.
        points: JSON-able settings; equal points are computed once.
        store: Where results land as they finish.
        context: All else that a result depends on: configuration, card digests, code version. A point is known
            by the hash of itself and of this.
        workers: Processes on this machine; 1 computes in this process.
        scheduler: Address of a Dask cluster, such as ``tcp://host:8786``, used instead.
        resume: Take finished points from the store.
        progress: Called with how many points are done and how many there are.

    Raises:
        Interrupted: Stopped from the keyboard; the message says what is kept.
        StudyError: The cluster cannot be reached.
        CardError: A card is faulty.
        DataError: A file of data is missing or damaged.
    """
    keys = [digest({"point": point, "context": context or {}}) for point in points]
    wanted = dict(zip(keys, points, strict=True))
    done = {key: result for key in wanted if resume and (result := _finished(store, key))}
    pending = {key: point for key, point in wanted.items() if key not in done}
    logger.info("%d of %d points are in the store", len(done), len(wanted))
    report = progress or (lambda _done, _total: None)
    report(len(done), len(wanted))
    alone = workers == 1 and scheduler is None
    computed = _serial(function, pending) if alone else _parallel(function, pending, workers, scheduler)
    try:
        with closing(computed):  # a sweep that ends early takes its cluster down here, not when garbage is collected
            for key, found in computed:
                if isinstance(found, BeolithError):
                    raise found
                store.save(key, {"point": pending[key], "result": found})
                done[key] = found
                report(len(done), len(wanted))
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped; {len(done)} of {len(wanted)} points are kept in {store.folder}; run the same again for the rest"
        ) from None
    return [done[key] for key in keys]


def _finished(store: PointStore, key: str) -> Result | None:
    result = (store.load(key) or {}).get("result")
    return result if isinstance(result, dict) and result.get("status") == "ok" else None


def _attempt(function: Callable[[Point], Mapping[str, Any]], point: Point) -> Result | BeolithError:
    """The result of one point; a failure is a result too, and a faulty file is handed back as the error it is."""
    try:
        found = function(point)
    except (CardError, DataError) as error:
        return error
    except Exception as error:
        logger.info("point %s failed", point, exc_info=logger.isEnabledFor(logging.DEBUG))
        return _failed(error)
    try:
        return {**plain(found), "status": "ok", "message": ""}
    except Exception as error:  # the study answered with what is no mapping, or what JSON cannot hold
        return _failed(error)


def _failed(error: BaseException) -> Result:
    return {"status": "failed", "message": f"{type(error).__name__}: {error}"}


def _serial(function: Callable[[Point], Mapping[str, Any]], pending: Mapping[str, Point]) -> Computed:
    for key, point in pending.items():
        yield key, _attempt(function, point)


def _parallel(
    function: Callable[[Point], Mapping[str, Any]], pending: Mapping[str, Point], workers: int, scheduler: str | None
) -> Computed:
    """Results as they finish, on processes of this machine or on a cluster."""
    if not pending:
        return
    import distributed

    with ExitStack() as stack:
        try:
            cluster = scheduler or stack.enter_context(
                distributed.LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=min(workers, len(pending)),
                    threads_per_worker=1,
                    processes=True,
                    memory_limit=None,
                    dashboard_address="localhost:0",  # any free port: two sweeps may run at once
                    env=ONE_THREAD,
                )
            )
            client = stack.enter_context(distributed.Client(cluster, timeout=30))  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise StudyError(f"no Dask cluster answers at {scheduler or 'this machine'}: {error}") from error
        keys = {client.submit(_attempt, function, point, pure=False): key for key, point in pending.items()}
        for future in distributed.as_completed(keys, raise_errors=False):  # type: ignore[no-untyped-call]
            death = future.exception()  # of the worker; _attempt catches all else
            yield keys[future], _failed(death) if death else future.result()
