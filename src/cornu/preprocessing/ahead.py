"""Elements that are made by threads, while what was made before is used.

The order is that of the data. No more elements wait than was said, an error comes out
where its element would have, and the threads end with the pass, however it ends.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import Any

from cornu.preprocessing import pipeline
from cornu.preprocessing.pipeline import Pass

_NAME = "cornu.Dataset"  # what its threads are called


def transformed(source: Pass, function: Callable[[Any], Any], workers: int) -> Pass:
    """The function of each element, of so many at the same time.

    The first one is alone: layers make their weights when they are called first.
    """
    with closing(source):
        for element in itertools.islice(source, 1):
            yield function(element)
        pool = ThreadPoolExecutor(workers, thread_name_prefix=_NAME)
        jobs = _jobs(source, lambda element: pool.submit(function, element))
        try:
            waiting = deque(itertools.islice(jobs, workers))
            while waiting:
                element = waiting.popleft().result()
                waiting.extend(itertools.islice(jobs, 1))
                yield element
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _jobs(source: Pass, submit: Callable[[Any], Future[Any]]) -> Any:
    """A job for each element; where the source fails, one that fails with it."""
    try:
        for element in source:
            yield submit(element)
    except Exception as error:
        failed: Future[Any] = Future()
        failed.set_exception(error)
        yield failed


class Shelf:
    """The elements that wait, and the thread that puts them there.

    Args:
        source: the pass that is drawn from, by the thread.
        size: how many elements may wait.
    """

    def __init__(self, source: Pass, size: int) -> None:
        self._source, self._size = source, size
        self._waiting: deque[Any] = deque()
        self._ended = False  # by the source, or by `close`
        self._error: BaseException | None = None
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._fill, name=_NAME, daemon=True)
        self._thread.start()

    def _fill(self) -> None:
        try:
            with closing(self._source) as source:
                while self._has_room():
                    element = next(source)
                    with self._change:
                        self._waiting.append(element)
                        self._change.notify_all()
        except StopIteration:
            pass
        except BaseException as error:
            self._error = error
        finally:
            with self._change:
                self._ended = True
                self._change.notify_all()

    def _has_room(self) -> bool:
        """Wait until an element more may be made; False when none is wanted."""
        with self._change:
            while len(self._waiting) >= self._size and not self._ended:
                self._change.wait()
            return not self._ended

    def take(self) -> Any:
        """The next element.

        Raises:
            StopIteration: at the end.
        """
        with self._change:
            while not self._waiting and not self._ended:
                self._change.wait()
            if self._waiting:
                element = self._waiting.popleft()
                self._change.notify_all()
                return element
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        raise StopIteration

    def close(self) -> None:
        """End the thread: it finishes what it makes, and waits for nothing."""
        with self._change:
            self._ended = True
            self._waiting.clear()
            self._change.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join()


def prefetched(source: Pass, size: int) -> Pass:
    """The elements, of which a thread makes up to `size` before they are asked for."""
    shelf = Shelf(source, size)
    try:
        while True:
            try:
                element = shelf.take()
            except StopIteration:
                return
            yield element
    finally:
        shelf.close()


class Block:
    """A pass of which the next elements are made before they are asked for.

    Args:
        source: the pass.
        size: how many elements are made at a time.
        pool: whose threads make them.
    """

    def __init__(self, source: Pass, size: int, pool: ThreadPoolExecutor) -> None:
        self._source, self._size, self._pool = source, size, pool
        self._found: deque[Any] = deque()
        self._error: BaseException | None = None
        self._over = False
        self._next = pool.submit(self._draw)

    def _draw(self) -> tuple[list[Any], BaseException | None]:
        found: list[Any] = []
        try:
            for element in itertools.islice(self._source, self._size):
                found.append(element)  # what came before an error stays
        except Exception as error:
            return found, error
        return found, None

    def __iter__(self) -> Block:
        return self

    def __next__(self) -> Any:
        while not self._found:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._over:
                raise StopIteration
            found, self._error = self._next.result()
            self._found.extend(found)
            self._over = self._error is not None or len(found) < self._size
            if not self._over:
                self._next = self._pool.submit(self._draw)
        return self._found.popleft()

    def close(self) -> None:
        """End the pass, once what is being made is finished."""
        self._over = True
        if not self._next.cancel():
            wait([self._next])
        self._source.close()


def interleaved(
    source: Pass, opened: Callable[[Any], Pass], cycle: int, block: int, workers: int
) -> Pass:
    """`pipeline.interleaved`, in which so many threads draw from the open passes."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix=_NAME)

    def begun(element: Any) -> Block:
        return Block(opened(element), block, pool)

    try:
        with closing(
            pipeline.interleaved(source, begun, cycle, block, cycle)
        ) as all_of:
            yield from all_of
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
