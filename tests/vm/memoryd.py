# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""memoryd in a guest: its bus objects, its processes, its journal."""

import contextlib
import json
import re
import shlex
import typing

from guest import GuestError
from memory import SCRIPT, parse_memory

NAME = "org.memoryd1"
PATH = "/org/memoryd1"
UNIT = "memoryd.service"
DROP_IN = "/etc/memoryd/memoryd.conf.d/50-test.conf"

# The id of systemd's message about a process of a unit that failed.
MESSAGE_EXIT = "98e322203f7a4ed290d09fe03c09fe15"

MESSAGE_BURST_DONE = "86e54a6ee7e14810889e2a1fea2c9948"


class Row(typing.NamedTuple):
    """One block of ListBlocks()."""
    id: int
    node: int
    state: str
    zones: str
    zone_class: str
    decision: str
    rule: str
    guards: str
    status: str
    error: int
    device: str = ""
    origin: str = ""


class Job(typing.NamedTuple):
    """One row of ListJobs()."""
    id: int
    path: str
    kind: str
    state: str
    target: str
    zone: str
    user: str
    total: int
    done: int
    failed: int
    uid: int


LIST_BLOCKS = f"busctl --json=short call {NAME} {PATH} {NAME}.Manager ListBlocks"
GET = f"busctl --json=short get-property {NAME} {PATH} {NAME}.Manager"

# The keys of a request and their types.
REQUEST_TYPES = {"Blocks": "a(uu)", "Node": "u", "Device": "s", "Size": "t", "Zone": "s",
                 "MovablePercent": "u", "MovableBytes": "t", "TimeoutUSec": "t", "Force": "b",
                 "UndoOnFailure": "b"}


def request(**keys):
    """Returns a request for Online(), Offline() or SetZone() as arguments of busctl. Blocks are pairs of
    a first and a last block. A value with a type in front, as in "s kernel", is sent with this type."""
    words = ["a{sv}", str(len(keys))]
    for key, value in keys.items():
        if key == "Blocks":
            words += [key, REQUEST_TYPES[key], str(len(value)),
                      *(str(number) for pair in value for number in pair)]
        elif isinstance(value, bool):
            words += [key, "b", str(value).lower()]
        elif isinstance(value, str) and " " in value:
            words += [key, *value.split(" ", 1)]
        else:
            words += [key, REQUEST_TYPES[key], str(value)]
    return shlex.join(words)


def _rows(text):
    return [Row(*row) for row in json.loads(text)["data"][0]]


class Memoryd:
    """Asks memoryd about memory, and systemd about memoryd."""

    def __init__(self, guest):
        self._guest = guest
        self._asked_exits = 0  # exits that the test caused: the death of either process is one exit

    # The bus

    def get(self, name, path=PATH, interface=f"{NAME}.Manager"):
        """Returns the value of a property on the bus."""
        text = self._guest.run(f"busctl --json=short get-property {NAME} {path} {interface} {name}")
        return json.loads(text)["data"]

    def node(self, number, name):
        return self.get(name, f"{PATH}/node/{number}", f"{NAME}.Node")

    def node_paths(self):
        """Returns the paths of the managed objects that are nodes."""
        return {path for path, interfaces in self.managed_objects().items()
                if f"{NAME}.Node" in interfaces}

    def managed_objects(self, user=None):
        text = self._guest.run(
            f"busctl --json=short call {NAME} {PATH} org.freedesktop.DBus.ObjectManager "
            "GetManagedObjects", user=user)
        return json.loads(text)["data"][0]

    def blocks(self):
        return _rows(self._guest.run(LIST_BLOCKS))

    def beside_kernel(self):
        """Returns the blocks as the kernel has them, the blocks as memoryd has them, and the number of
        pending blocks. The answers of memoryd are later than those of the kernel."""
        kernel, rows, pending = self._guest.run(
            f"{SCRIPT}\necho //\n{LIST_BLOCKS}\necho //\n{GET} PendingBlocks").split("//\n")
        return parse_memory(kernel), _rows(rows), json.loads(pending)["data"]

    def jobs(self):
        text = self._guest.run(f"busctl --json=short call {NAME} {PATH} {NAME}.Manager ListJobs")
        return [Job(*row) for row in json.loads(text)["data"][0]]

    def job_done(self, path):
        """Returns how many blocks a job has done, or None if the job no longer exists."""
        result = self._guest.call(
            f"busctl --json=short get-property {NAME} {path} {NAME}.Job DoneBlocks")
        return json.loads(result.stdout)["data"] if result.code == 0 else None

    def call_method(self, method, arguments="", user=None):
        """Calls a method of the manager and returns the Result of busctl."""
        return self._guest.call(f"busctl call {NAME} {PATH} {NAME}.Manager {method} {arguments}",
                                user=user)

    def call_error(self, method, arguments="", path=PATH, interface="Manager"):
        """Returns the name and the text of the D-Bus error that a method answers with, or two empty
        strings."""
        said = self._guest.call("SYSTEMD_LOG_LEVEL=debug busctl call "
                                f"{NAME} {path} {NAME}.{interface} {method} {arguments}").stderr
        found = re.search(r"type=error .*error-name=(\S+) error-message=(.*)", said)
        return (found[1].removeprefix(f"{NAME}.Error."), found[2]) if found else ("", "")

    def answers(self):
        command = f"busctl --timeout=20 get-property {NAME} {PATH} {NAME}.Manager Version"
        return self._guest.call(command).code == 0

    def ctl(self, arguments):
        """Returns the JSON that memoryctl prints."""
        return json.loads(self._guest.run(f"memoryctl --json {arguments}"))

    def listed(self):
        """Returns the blocks that memoryctl lists: a dictionary of columns for each, by block."""
        rows = self.ctl("list --all --output=+CLASS,STATUS,DEVICE,ORIGIN,RULE")
        return {int(row["block"]): row for row in next(iter(rows.values()))}

    def report(self, arguments):
        """Returns the JSON report of memoryctl about a job, and its exit code."""
        result = self._guest.call(f"memoryctl --json {arguments}")
        if not result.stdout:
            raise GuestError(f"'memoryctl {arguments}' failed: {result.stderr}")
        return json.loads(result.stdout), result.code

    def statuses(self):
        """Returns the status of each block, by block."""
        return {row.id: row.status for row in self.blocks()}

    def use(self, text):
        """Applies settings in addition to the shipped ones, in place of the settings of the last call."""
        self._guest.write_file(DROP_IN, text)
        self._guest.run("memoryctl reload")

    # The service

    def wait_ready(self):
        """Waits until memoryd runs and is on the bus."""
        def running():
            state = self._guest.call(f"systemctl is-active {UNIT}").stdout.strip()
            if state == "failed":
                raise GuestError(f"{UNIT} failed")
            return state == "active"
        self._guest.wait_until(running, f"{UNIT} running")
        self._guest.wait_until(self.answers, f"{NAME} on the bus")

    def show(self, name):
        """Returns the value of a property of the unit."""
        return self._guest.run(f"systemctl show --value --property={name} {UNIT}").strip()

    def main_pid(self):
        return int(self.show("MainPID"))

    def processes(self):
        """Returns the user id of each process of the service, by process id."""
        text = self._guest.run(
            f"for pid in $(cat /sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs); do "
            "echo $pid $(awk '/^Uid:/ { print $3 }' /proc/$pid/status); done")
        return {int(pid): int(uid) for pid, uid in (line.split() for line in text.splitlines())}

    def actuator_pid(self):
        return next(pid for pid in self.processes() if pid != self.main_pid())

    def restarts(self):
        return int(self.show("NRestarts"))

    def kill(self, pid):
        """Kills a process of the service."""
        self.expect_exit()
        self._guest.run(f"kill -KILL {pid}")

    def expect_exit(self):
        """Announces that the test will kill a process of the service."""
        self._asked_exits += 1

    @contextlib.contextmanager
    def failing(self):
        """Inside, memoryd may fail each time that systemd starts it."""
        before = len(self._failed_exits())
        try:
            yield
        finally:
            self._asked_exits += len(self._failed_exits()) - before

    def unasked_exits(self):
        """Returns systemd's messages about failed exits of memoryd, except for exits that the test caused
        and for messages that an earlier call returned."""
        exits = self._failed_exits()[self._asked_exits:]
        self._asked_exits += len(exits)
        return exits

    def _failed_exits(self):
        text = self._guest.run("journalctl --sync; journalctl --no-pager -o cat "
                               f"UNIT={UNIT} MESSAGE_ID={MESSAGE_EXIT}")
        # A refused reload is a failure of another process, not of the main process.
        return [line for line in text.splitlines() if f"{UNIT}: Main process exited" in line]

    # The journal

    def journal(self, arguments=""):
        """Returns all entries that were sent, as dictionaries, the oldest first. Waits until the journal
        has received them."""
        text = self._guest.run("journalctl --sync && "
                               f"journalctl --no-pager -o json -u {UNIT} {arguments}")
        return [json.loads(line) for line in text.splitlines()]

    @staticmethod
    def uptime_of(entry):
        """Returns how many seconds after the boot of the guest an entry was sent: the journal can receive it
        late. Guest.uptime() has the same clock."""
        sent, received, monotonic = (int(entry[name]) for name in (
            "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP"))
        return (monotonic - (received - sent)) / 1e6

    def messages(self, arguments=""):
        return [entry["MESSAGE"] for entry in self.journal(arguments)]

    def errors(self):
        """Returns memoryd's messages about failed operations."""
        return self.messages("-p err")
