"""A worker process: calls functions apart from this process, so that a library's crash there is an error here.

What goes there and back is pickled; the memory of large arrays is written as it is. Functions are found by their names,
so they are ones of modules, and what they are given and return can be pickled. Processes start when they are first
needed, and end with this one.

Python's ``ProcessPoolExecutor`` runs the main module of whoever uses it once more in each process, gives up all its
processes when one crashes, and knows neither generators nor what is reported on the way.
"""

from __future__ import annotations

import itertools
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any, NoReturn

from colorize.base.heap import give_back_freed_memory

SERVE = "import sys; sys.path[:] = {path!r}; from colorize.base.worker_process import serve; serve()"
HEADER = struct.Struct("<QQ")  # of a message: bytes of the pickle, and how many buffers follow it
SIZE = struct.Struct("<Q")  # of a buffer
PIPE_BYTES = 1 << 20  # large pictures pass with fewer changes between the processes
ENDING_SECONDS = 5.0
POLL_SECONDS = 0.1
REST_SECONDS = 2.0  # without a call, after which a process gives back what it keeps of freed memory


class CrashError(RuntimeError):
    """A worker process ended in the middle of a call; the message says how, such as ``SIGSEGV``."""


class RemoteError(Exception):
    """An error of another process that cannot be pickled, as the text of its traceback."""


class WorkerProcess:
    """A process that calls functions, one at a time; several threads may ask. Close it at the end."""

    def __init__(self, setup: Callable[..., object], *arguments: Any, idle_seconds: float | None = None) -> None:
        """Say how the process begins; it is started by ``start`` or the first call, and anew after a crash.

        Args:
            setup: Called in each process before anything else.
            arguments: Of it.
            idle_seconds: The process is ended, and its memory given back, when nothing was asked of it for so long;
                None: it stays.
        """
        self._idle_seconds = idle_seconds
        self._idle: threading.Timer | None = None
        self._setup = setup, arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._lock = threading.RLock()  # held during a call
        self._writing = threading.Lock()
        self._keys = itertools.count()
        self._left: list[int] = []  # generators that nobody goes on with

    @staticmethod
    def is_possible() -> bool:
        """Tell whether this Python can be started again: not if it is embedded or frozen into a program."""
        return bool(sys.executable) and not getattr(sys, "frozen", False)

    def start(self) -> None:
        """Start the process, if it is not there; what it needs is then imported while this process goes on."""
        with self._lock:
            if self._process is not None:
                return
            command = [sys.executable, "-c", SERVE.format(path=sys.path)]
            # Ctrl-C is for this process, which ends the other.
            flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # of Windows
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=flags, start_new_session=True
            )
            self._ready = False
            _widen(self._process.stdout)
            function, arguments = self._setup
            self._send("call", function, arguments)

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        on_report: Callable[[Any], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """Return what a function returns there, and raise what it raises.

        Args:
            function: Of a module.
            arguments: Of it.
            on_report: Called with each value that the function gives to ``report``, which waits for it.
            cancel: When it is set, ``cancelled()`` there is set too; None: never.

        Raises:
            CrashError: The process has ended; the next call starts another.
        """
        with self._lock:
            self._stop_timer()
            self.start()
            try:
                if not self._ready:
                    self._answer(None)  # of the setup
                    self._ready = True
                self._send("call", function, arguments)
                done = threading.Event()
                if cancel is not None:
                    threading.Thread(target=self._pass_on, args=(cancel, done), daemon=True).start()
                try:
                    return self._answer(on_report)
                finally:
                    with self._writing:  # no later call hears of it
                        done.set()
            except _RaisedThereError as raised:
                if not self._ready:  # the setup has failed
                    self.kill()
                raise raised.error from RemoteError(raised.text)
            except BaseException:  # a crash, or Ctrl-C: an answer that nobody waits for would be taken for the next one
                self.kill()
                raise
            finally:
                self._start_timer()

    def iterate(self, function: Callable[..., Iterator[Any]], *arguments: Any) -> Iterator[Any]:
        """Yield what a generator yields there, an item at each step; raises as ``call`` does.

        Where the process is another one meanwhile, because a call in between has crashed it, the generator is begun
        anew, and the items that were yielded are passed over.
        """
        key, count, process = next(self._keys), 0, None
        try:
            while True:
                with self._lock:
                    self.start()
                    if process is not self._process:
                        self.call(_begin, key, function, arguments, count)
                        process = self._process
                    left, self._left = self._left, []
                    has_item, item = self.call(_advance, key, left)
                if not has_item:
                    return
                count += 1
                yield item
        finally:
            self._left.append(key)  # this may be garbage collection, in the middle of another call: it is told later

    def close(self) -> None:
        """Let the process end once its call has; a call that takes too long ends with a ``CrashError``."""
        if not self._lock.acquire(timeout=ENDING_SECONDS):
            if (process := self._process) is not None:
                process.kill()  # the thread that waits for the answer does the rest
            return
        try:
            self._stop_timer()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
                with suppress(subprocess.TimeoutExpired, OSError):
                    self._process.wait(ENDING_SECONDS)
            self.kill()
        finally:
            self._lock.release()

    def kill(self) -> None:
        """End the process at once."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not written yet cannot be
                        pipe.close()

    def _start_timer(self) -> None:
        if self._idle_seconds is not None and self._process is not None:
            self._idle = timer = threading.Timer(self._idle_seconds, lambda: self._close_if(timer))
            timer.daemon = True
            timer.start()

    def _stop_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _close_if(self, timer: threading.Timer) -> None:
        with self._lock:
            if self._idle is timer:  # nothing was asked since it was started
                self.close()

    def _send(self, *message: Any) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            with self._writing:
                _write(self._process.stdin, message)
        except OSError:  # it has ended, which the answer tells
            pass

    def _answer(self, on_report: Callable[[Any], None] | None) -> Any:
        assert self._process is not None and self._process.stdout is not None
        while True:
            try:
                kind, value = _read(self._process.stdout)
            except (EOFError, OSError):
                raise CrashError(_ending(self._process.wait())) from None
            if kind == "value":
                return value
            if kind == "error":
                raise _RaisedThereError(*value)
            if on_report is not None:
                on_report(value)
            self._send("seen")

    def _pass_on(self, cancel: threading.Event, done: threading.Event) -> None:
        while not done.is_set():
            if cancel.wait(POLL_SECONDS):
                with self._writing, suppress(OSError):
                    if not done.is_set() and self._process is not None and self._process.stdin is not None:
                        _write(self._process.stdin, ("cancel",))
                return


class _RaisedThereError(Exception):
    """What a function has raised in the other process."""

    def __init__(self, error: BaseException, text: str) -> None:
        super().__init__(error)
        self.error, self.text = error, text


_cancelled = threading.Event()
_calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
_seen: queue.SimpleQueue[None] = queue.SimpleQueue()
_iterators: dict[int, Iterator[Any]] = {}
_answers: IO[bytes] | None = None


def cancelled() -> threading.Event:
    """Return the event that tells a function in a worker process that its caller wants it to stop."""
    return _cancelled


def report(value: object) -> None:
    """Give a value to the caller of the function that runs in this worker process, and wait until it has it."""
    assert _answers is not None
    _write(_answers, ("report", value))
    _seen.get()


def serve() -> NoReturn:
    """Be a worker process: call what is asked for, until the process that asks ends."""
    global _answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    _answers = os.fdopen(os.dup(1), "wb")
    _widen(requests)
    os.dup2(2, 1)  # what libraries print is no answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_take, args=(requests,), daemon=True).start()
    while True:
        function, arguments = _next_call()
        try:
            answer: tuple[str, Any] = "value", function(*arguments)
        except BaseException as error:
            answer = "error", _portable(error)
        try:
            _write(_answers, answer)
        except OSError:
            os._exit(1)  # nobody waits for it
        except Exception as error:  # it cannot be pickled
            _write(_answers, ("error", _portable(error)))
        del answer, function, arguments  # a picture need not stay until the next is read


def _next_call() -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return what is asked for next; where nothing is for a while, freed memory is given back meanwhile."""
    try:
        return _calls.get(timeout=REST_SECONDS)
    except queue.Empty:
        give_back_freed_memory()
        return _calls.get()


def _take(requests: IO[bytes]) -> None:
    """Take what the other process sends, as long as it is there."""
    while True:
        try:
            kind, *content = _read(requests)
        except (EOFError, OSError):
            os._exit(1)
        if kind == "call":
            _cancelled.clear()
            _calls.put((content[0], content[1]))
        elif kind == "cancel":
            _cancelled.set()
        else:
            _seen.put(None)


def _begin(key: int, function: Callable[..., Iterator[Any]], arguments: tuple[Any, ...], passed: int) -> None:
    _iterators[key] = itertools.islice(function(*arguments), passed, None)


def _advance(key: int, left: list[int]) -> tuple[bool, Any]:
    for each in left:
        _iterators.pop(each, None)
    for item in _iterators[key]:
        return True, item
    return False, None


def _portable(error: BaseException) -> tuple[BaseException, str]:
    """Return an error as it can go to another process, with the text of its traceback, which cannot."""
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class does
        return RemoteError(text), text
    return error, text


def _write(pipe: IO[bytes], message: tuple[Any, ...]) -> None:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(message, 5, buffer_callback=buffers.append)
    parts = [buffer.raw() for buffer in buffers]
    pipe.write(HEADER.pack(len(data), len(parts)) + b"".join(SIZE.pack(part.nbytes) for part in parts))
    pipe.write(data)
    for part in parts:
        pipe.write(part)
    pipe.flush()


def _read(pipe: IO[bytes]) -> tuple[Any, ...]:
    length, count = HEADER.unpack(_bytes_of(pipe, HEADER.size))
    sizes = [SIZE.unpack(_bytes_of(pipe, SIZE.size))[0] for _ in range(count)]
    data = _bytes_of(pipe, length)
    return pickle.loads(data, buffers=[_bytes_of(pipe, size) for size in sizes])


def _bytes_of(pipe: IO[bytes], count: int) -> bytearray:
    data = bytearray(count)
    if count and pipe.readinto(data) != count:  # type: ignore[attr-defined]
        raise EOFError
    return data


def _widen(pipe: Any) -> None:
    """Let a pipe hold more, where the system can."""
    # Not Linux; or its user has as many pages in pipes as one may.
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _ending(code: int) -> str:
    """Return how a process ended, by its exit status."""
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit status {code:#x}" if code > 255 else f"exit status {code}"
