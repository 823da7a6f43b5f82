# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A client for the guest agent: runs commands and writes files in the guest, without a network."""

import base64
import dataclasses
import json
import random
import time

from qmp import connect

# The agent marks its answer to guest-sync-delimited with this byte, which no JSON text contains.
SENTINEL = b"\xff"


class AgentError(Exception):
    """The agent refused a request, or does not answer."""


@dataclasses.dataclass(frozen=True)
class Result:
    """The exit code and the output of a command in the guest."""
    code: int
    stdout: str
    stderr: str


class Agent:
    """One connection, through the socket of the virtio-serial port. `variables` are the whole
    environment of the programs that it runs."""

    def __init__(self, path, deadline, variables):
        self._variables = [f"{name}={value}" for name, value in variables.items()]
        self._socket = connect(path, deadline)
        self._buffer = b""

    def close(self):
        self._socket.close()

    def synchronize(self, timeout):
        """Waits until the agent answers this request. The agent starts long after the port exists, and
        late answers to abandoned requests may come first."""
        deadline = time.monotonic() + timeout
        while True:
            token = random.getrandbits(31)
            self._send("guest-sync-delimited", {"id": token}, SENTINEL)
            try:
                while self._receive(min(deadline, time.monotonic() + 2)).get("return") != token:
                    pass
                return
            except AgentError:
                if time.monotonic() > deadline:
                    raise

    def request(self, command, arguments=None, timeout=300):
        self._send(command, arguments or {})
        answer = self._receive(time.monotonic() + timeout)
        if "error" in answer:
            raise AgentError(f"{command}: {answer['error']['desc']}")
        if "return" not in answer:
            raise AgentError(f"{command}: the guest agent's answer was cut short")
        return answer["return"]

    def execute(self, words, timeout):
        """Runs a program in the guest and returns its Result."""
        pid = self.start(words)
        deadline = time.monotonic() + timeout
        pause = 0.005
        while True:
            result = self.result(pid)
            if result:
                return result
            if time.monotonic() > deadline:
                raise AgentError(f"still running after {timeout} s: {' '.join(words)}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)

    def start(self, words):
        """Starts a program in the guest, in a session of its own, and returns its process id."""
        return self.request("guest-exec", {"path": words[0], "arg": words[1:], "env": self._variables,
                                           "capture-output": True})["pid"]

    def result(self, pid):
        """Returns the Result of a program that was started, or None while it runs. The agent gives a
        result only once."""
        status = self.request("guest-exec-status", {"pid": pid})
        if not status["exited"]:
            return None
        # A program that a signal ended gets the exit code that a shell would report.
        code = status["exitcode"] if "exitcode" in status else 128 + status["signal"]
        return Result(code, _text(status.get("out-data")), _text(status.get("err-data")))

    def write_file(self, path, text):
        """Writes a file in the guest. `text` may be bytes."""
        handle = self.request("guest-file-open", {"path": path, "mode": "w"})
        data = text.encode() if isinstance(text, str) else text
        # The agent may write fewer bytes than requested.
        while data:
            piece = base64.b64encode(data[:32768]).decode()
            written = self.request("guest-file-write", {"handle": handle, "buf-b64": piece})
            data = data[written["count"]:]
        self.request("guest-file-close", {"handle": handle})

    def _send(self, command, arguments, prefix=b""):
        message = json.dumps({"execute": command, "arguments": arguments}).encode()
        try:
            self._socket.settimeout(60)
            self._socket.sendall(prefix + message + b"\n")
        except OSError as error:
            raise AgentError(f"{command}: the guest is gone: {error}") from error

    def _receive(self, deadline):
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                piece = self._socket.recv(65536)
            except TimeoutError as error:
                raise AgentError("no answer from the guest agent in time") from error
            except OSError as error:
                raise AgentError(f"the guest is gone: {error}") from error
            if not piece:
                raise AgentError("the guest is gone")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            return json.loads(line[line.rfind(SENTINEL) + 1:])
        except ValueError:
            # A restart of the agent cut this line in two. The caller asks again.
            return {}


def _text(encoded):
    return base64.b64decode(encoded or "").decode(errors="replace")
