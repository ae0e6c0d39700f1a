"""A line to a server that can be cut and mended, as a network between two machines is."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Line:
    """Forwards what comes to a port of its own to a server on loopback; use it as a context manager.

    Args:
        port: The server's port.
    """

    def __init__(self, port: int) -> None:
        self.connections = 0
        self._target = port
        self._open = True
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cut()
        self._listener.close()

    def cut(self) -> None:
        """Break every connection, and every new one at once."""
        with self._lock:
            self._open = False
            ends, self._ends = self._ends, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Forward again."""
        with self._lock:
            self._open = True

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._target), 5) as far:
            far.settimeout(None)
            with self._lock:
                if not self._open:
                    return
                self._ends |= {near, far}
            back = threading.Thread(target=self._copy, args=(far, near), daemon=True)
            back.start()
            self._copy(near, far)
            back.join()
            with self._lock:
                self._ends -= {near, far}

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65_536):
                target.sendall(block)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
