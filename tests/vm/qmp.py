# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A client for QEMU's machine protocol."""

import collections
import json
import socket
import time


class QmpError(Exception):
    """QEMU refused a command, or is gone."""


class Qmp:
    """One connection. QEMU answers commands in order. Events that arrive in between are kept."""

    def __init__(self, path, deadline):
        self._buffer = b""
        self._events = collections.deque(maxlen=1000)
        self._socket = connect(path, deadline)
        self._read_message(deadline)
        self.execute("qmp_capabilities")

    def close(self):
        self._socket.close()

    def execute(self, command, timeout=300, **arguments):
        """Runs a command and returns its result. Underscores in argument names stand for dashes."""
        message = {"execute": command,
                   "arguments": {name.replace("_", "-"): value
                                 for name, value in arguments.items()}}
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise QmpError(f"{command}: QEMU is gone: {error}") from error
        deadline = time.monotonic() + timeout
        while True:
            answer = self._read_message(deadline)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise QmpError(f"{command}: {answer['error']['desc']}")
            self._events.append(answer)

    def wait_event(self, name, timeout=300):
        """Waits for an event with this name and returns its data. Each event is returned once."""
        deadline = time.monotonic() + timeout
        while True:
            while self._events:
                event = self._events.popleft()
                if event.get("event") == name:
                    return event.get("data", {})
            self._events.append(self._read_message(deadline))

    def forget_events(self):
        self._events.clear()

    def _read_message(self, deadline):
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                piece = self._socket.recv(65536)
            except TimeoutError as error:
                raise QmpError("no answer from QEMU in time") from error
            except OSError as error:
                raise QmpError(f"QEMU is gone: {error}") from error
            if not piece:
                raise QmpError("QEMU is gone")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)


def connect(path, deadline):
    """Connects to a unix socket, which a newly started process may still have to create."""
    while True:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.connect(str(path))
            return stream
        except OSError:
            stream.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
