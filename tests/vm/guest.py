# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A guest under QEMU that boots, runs commands, gains and loses memory, and leaves traces on failure."""

import contextlib
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import time

from agent import Agent, AgentError
from machine import Machine, boot_arguments, size_bytes
from qmp import Qmp, QmpError

# Deadlines, in seconds, for a busy machine that emulates everything.
START_TIMEOUT = 120
# One timeout for each attempt at a boot. The first is short, so that a hang costs little. The last is
# long enough for a slow host.
BOOT_TIMEOUTS = (300, 600, 900)
RUN_TIMEOUT = 600
WAIT_TIMEOUT = 600
# The timeout of bus clients in the guest. Their default is 25.
BUS_TIMEOUT = 300
VARIABLES = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "LANG": "C.UTF-8", "HOME": "/root", "SYSTEMD_BUS_TIMEOUT": BUS_TIMEOUT}
# Practically no limit: a guest does not run while its memory is saved.
KEEP_BYTES_PER_SECOND = 1 << 40

# Messages of a kernel in trouble.
TROUBLE = re.compile(r"\bBUG:|\bOops\b|Call Trace:|Kernel panic|WARNING: CPU:|"
                     r"general protection fault|blocked for more than|Unable to handle kernel")

# The kernel uses breakpoints to rewrite its own text, and waits until no processor can run into one. QEMU
# before 8.1 can lose such a change when two emulated processors work on it at the same time: one of them
# then runs into a breakpoint that no longer exists.
STALE_BREAKPOINT = "Oops: int3:"

# The guest's answers to a request for a device, by ACPI (_OST).
EJECT_REQUEST, EJECT_IN_PROGRESS = 0x3, 0x84


class GuestError(Exception):
    """The guest misbehaved. The text says how."""


class BootFailure(GuestError):
    """The guest did not come up. QEMU may be at fault."""


class KernelTrouble(GuestError):
    """The guest's kernel complained on its console."""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The files of a guest that has booted and was stopped. Any number of guests can start from them.
    The disk is an overlay of the image's disk, which must stay where it was."""
    memory: pathlib.Path
    disk: pathlib.Path


class Guest:
    """A context manager: the guest runs inside `with`. Leaving it checks the console. With a snapshot
    the guest does not boot, but continues from the snapshot, which must be of the same image, kernel
    and hardware."""

    def __init__(self, image, kernel, *, arguments="", name="guest", snapshot=None, **hardware):
        """`arguments` are those of the kernel, `hardware` has the arguments of Machine."""
        self.kernel = image.kernels[kernel]
        self._image = image
        self._snapshot = snapshot
        self._machine = Machine(**hardware)
        self._arguments = arguments.split()
        self._name = name
        self._artifacts = artifacts_folder() / f"{name}-{kernel}"
        self._process = self._qmp = self._agent = None
        self._lines_checked = 0
        self._expects_trouble = False

    # Life

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="memoryd-vm-"))
        try:
            self._start()
            self._come_up(self._start)
            if self.kernel.builtin and not self._snapshot:
                self._list_builtin()
        except BaseException as error:
            self.save_artifacts(error)
            self._end()
            raise
        return self

    def _list_builtin(self):
        """Tells the guest's tools which modules are built into the kernel."""
        folder = f"/lib/modules/{self.run('uname -r').strip()}"
        self.write_file(f"{folder}/modules.builtin", self.kernel.builtin.read_text())
        self.run(f"touch {folder}/modules.order && depmod")

    def _come_up(self, try_again):
        """Waits until the guest is up. A guest that does not come up gets another try, and a message
        says so. When the host gives an emulated processor too little time, the processor's own timer
        can keep it busy for good. See also STALE_BREAKPOINT."""
        for timeout in BOOT_TIMEOUTS:
            try:
                self._wait_for_agent(timeout)
                return
            except BootFailure as error:
                if timeout == BOOT_TIMEOUTS[-1]:
                    raise
                print(f"guest {self._name}: {error}, starting it once more", flush=True)
                self._lines_checked += len(self._new_lines())
                try_again()

    def __exit__(self, kind, error, traceback):
        try:
            if error is not None:
                self.save_artifacts(error)
                return
            try:
                self.check_console()
            except KernelTrouble as trouble:
                self.save_artifacts(trouble)
                raise
        finally:
            self._end()

    def _start(self):
        self._disconnect()
        self._lines_checked = 0  # QEMU begins a new log of the console
        self._dimm_count = len(self._machine.dimms)
        with open(self._folder / "qemu.log", "wb") as log:
            self._process = subprocess.Popen(self._command_line(), stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_TIMEOUT
        try:
            self._qmp = Qmp(self._folder / "qmp", deadline)
            self._agent = Agent(self._folder / "agent", deadline, VARIABLES)
            if self._snapshot:
                self._go_on(deadline)
        except (OSError, QmpError) as error:
            text = (self._folder / "qemu.log").read_text(errors="replace")
            raise GuestError(f"QEMU does not start: {text or error}") from error

    def _go_on(self, deadline):
        """Lets the guest run after QEMU has read its memory from the file."""
        while self._qmp.execute("query-status")["status"] == "inmigrate":
            if time.monotonic() > deadline:
                raise GuestError("QEMU does not read the guest's memory to its end")
            time.sleep(0.02)
        self._qmp.execute("cont")

    def machine(self):
        """Returns those arguments of QEMU that define the guest."""
        return [*self._machine.arguments(), *boot_arguments(self.kernel, self._arguments)]

    def _disk_arguments(self):
        # Writes to the disk are lost when the guest ends.
        disk = (f"file={self._snapshot.disk},format=qcow2" if self._snapshot
                else f"file={self._image.disk},format=raw")
        second = [f"file={self._image.disk},format=raw"] if self._machine.second_disk else []
        return [word for file in (disk, *second)
                for word in ("-drive", f"{file},if=virtio,snapshot=on,cache=unsafe")]

    def _command_line(self):
        return [
            # QEMU must not outlive this process.
            "setpriv", "--pdeathsig", "KILL",
            "qemu-system-x86_64", *self.machine(), *self._disk_arguments(),
            *(["-incoming", f"exec:cat {shlex.quote(str(self._snapshot.memory))}"]
              if self._snapshot else []),
            # A panic reboots the guest at once, and the reboot ends QEMU.
            "-no-reboot", "-display", "none",
            # A person can connect to the console at any time. Its output is always logged.
            "-chardev", f"socket,id=console,path={self.console_path},server=on,wait=off,"
                        f"logfile={self._folder}/console.log",
            "-serial", "chardev:console",
            "-qmp", f"unix:{self._folder}/qmp,server=on,wait=off",
            "-chardev", f"socket,id=agent,path={self._folder}/agent,server=on,wait=off",
            "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
        ]

    def keep(self, memory):
        """Stops the guest for good and writes its memory to a file for a snapshot."""
        self._qmp.execute("stop")
        self._qmp.execute("migrate-set-parameters", max_bandwidth=KEEP_BYTES_PER_SECOND)
        self._qmp.execute("migrate", uri=f"exec:cat >{shlex.quote(str(memory))}")
        deadline = time.monotonic() + START_TIMEOUT
        while (status := self._qmp.execute("query-migrate").get("status")) != "completed":
            if status == "failed" or time.monotonic() > deadline:
                raise GuestError(f"the guest's memory cannot be written to {memory}: {status}")
            time.sleep(0.05)
        # QEMU writes the rest of the disk when it ends by itself.
        self._qmp.execute("quit")
        self._process.wait(START_TIMEOUT)

    def _disconnect(self):
        for connection in (self._agent, self._qmp):
            if connection:
                connection.close()
        if self._process:
            # The disk is a snapshot, so a kill loses nothing of value.
            self._process.kill()
            self._process.wait()
        self._process = self._qmp = self._agent = None

    def _end(self):
        self._disconnect()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_for_agent(self, timeout):
        deadline = time.monotonic() + timeout
        is_up = False
        while not is_up and self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(AgentError):
                self._agent.synchronize(5)
                is_up = True
        # A panic ends QEMU, but boots a guest that reboots once more.
        if any(STALE_BREAKPOINT in line for line in self._new_lines()):
            raise BootFailure(f"the guest died of '{STALE_BREAKPOINT}'")
        if is_up:
            return
        if self._process.poll() is not None:
            raise self._death("while it booted")
        self.check_console()
        raise BootFailure(f"the guest did not boot in {timeout} s")

    def reboot(self, command="systemctl --no-block reboot"):
        """Shuts the guest down properly and reboots it, or has the command do so. The disks keep their
        changes."""
        self.run("sync")
        self.check_console()
        self._qmp.execute("set-action", reboot="reset")
        self._qmp.forget_events()
        self._agent.start(_words(command, None))
        self._qmp.wait_event("RESET", WAIT_TIMEOUT)
        self._come_up(lambda: self._qmp.execute("system_reset"))
        # This must not happen earlier, because the firmware resets the machine once more.
        self._qmp.execute("set-action", reboot="shutdown")

    def answers(self, timeout):
        """Returns whether the guest agent answers in time. After a crash of the guest's kernel, this also drops what
        the agent had left to say."""
        with contextlib.suppress(AgentError):
            self._agent.synchronize(timeout)
            return True
        return False

    def press_power_button(self):
        """A guest that sleeps wakes up. Others shut down."""
        self._qmp.execute("system_powerdown")

    def forward(self, port):
        """Lets programs of this machine, but no others, connect to a TCP port of a guest that has a network. Returns
        the port on 127.0.0.1 that leads there."""
        self.run("cd /sys/class/net && ip address add 10.0.2.15/24 dev e* && ip link set e* up")
        said = self._qmp.execute("human-monitor-command",
                                 command_line=f"hostfwd_add network tcp:127.0.0.1:0-10.0.2.15:{port}")
        told = self._qmp.execute("human-monitor-command", command_line="info usernet")
        found = re.search(rf"TCP\[HOST_FORWARD\] .* 127\.0\.0\.1 +(\d+) +10\.0\.2\.15 +{port}\b", told)
        if not found:
            raise GuestError(f"port {port} of the guest cannot be reached: {said}{told}")
        return int(found[1])

    # Commands

    def run(self, command, check=True, user=None, timeout=RUN_TIMEOUT):
        """Runs a bash command line and returns its standard output. With `check`, its failure is an
        error."""
        result = self.call(command, user=user, timeout=timeout)
        if check and result.code != 0:
            raise GuestError(f"'{command}' failed with {result.code}: "
                             f"{(result.stderr or result.stdout).strip()}")
        return result.stdout

    def call(self, command, user=None, timeout=RUN_TIMEOUT):
        """Runs a bash command line, as root unless a user is given. Returns its Result."""
        try:
            return self._agent.execute(_words(command, user), timeout)
        except AgentError as error:
            if self._process.poll() is not None:
                raise self._death(f"while it ran '{command}'") from error
            raise GuestError(f"'{command}': {error}") from error

    def uptime(self):
        """Returns the seconds since the guest booted, by its own clock."""
        return float(self.run("cat /proc/uptime").split()[0])

    def start(self, command, user=None):
        """Starts a bash command line that runs in parallel to the test. Returns a Process."""
        return Process(self, self._agent.start(_words(command, user)))

    def result(self, pid):
        """Returns the Result of a program that was started, or None while it runs."""
        return self._agent.result(pid)

    def write_file(self, path, text):
        # The guest agent gives a file that it makes the mode 0666, which is no mode for a configuration.
        self.run(f"mkdir -p {shlex.quote(str(pathlib.PurePosixPath(path).parent))} && "
                 f": >>{shlex.quote(str(path))}")
        self._agent.write_file(path, text)

    def wait_until(self, condition, what, timeout=WAIT_TIMEOUT, pause=0.3):
        """Waits until a condition is true, and returns its value. `condition` is a function, or a
        command that has to succeed. `what` names the condition in the error."""
        if isinstance(condition, str):
            command = condition

            def condition():
                return self.call(command).code == 0
        deadline = time.monotonic() + timeout
        while True:
            answer = condition()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise GuestError(f"not within {timeout} s: {what}")
            time.sleep(pause)

    def wait_until_empty(self, faults, what, timeout=WAIT_TIMEOUT):
        """Waits until faults() returns an empty list. The error has the last faults, a line for each."""
        found = []

        def is_empty():
            found[:] = faults()
            return not found
        try:
            self.wait_until(is_empty, what, timeout)
        except GuestError as error:
            raise GuestError("\n    ".join([str(error), *found])) from error

    # Memory

    def add_dimm(self, size, node, id=None):  # pylint: disable=redefined-builtin
        """Hot-adds a DIMM and returns its id. The guest's kernel sees it a little later."""
        identity = id or self._next_dimm()
        self._qmp.execute("object-add", qom_type="memory-backend-ram", id=f"mem-{identity}",
                          size=size_bytes(size), reserve=False)
        self._qmp.execute("device_add", driver="pc-dimm", id=identity, memdev=f"mem-{identity}",
                          node=node)
        return identity

    def del_dimm(self, identity, timeout=WAIT_TIMEOUT):
        """Asks the guest to release a DIMM and waits until the DIMM is out."""
        self.ask_for_dimm(identity)
        self.wait_for_release(identity, timeout)

    def ask_for_dimm(self, identity):
        """Asks the guest to release a DIMM."""
        self._qmp.forget_events()
        self._qmp.execute("device_del", id=identity)

    def wait_for_release(self, identity, timeout=WAIT_TIMEOUT):
        """Waits until a DIMM that the guest was asked for is out."""
        deadline = time.monotonic() + timeout
        while True:
            event = self._qmp.wait_event("DEVICE_DELETED", deadline - time.monotonic())
            if event.get("device") == identity:
                break
        self._qmp.execute("object-del", id=f"mem-{identity}")

    def wait_for_refusal(self, identity, timeout=WAIT_TIMEOUT):
        """Waits until the guest has refused to release a DIMM."""
        self._wait_for_answer(identity, timeout, lambda info: info["source"] == EJECT_REQUEST
                              and info["status"] != EJECT_IN_PROGRESS)

    def wait_for_acceptance(self, identity, timeout=WAIT_TIMEOUT):
        """Waits until the guest has added a DIMM, and onlined it if its kernel does so."""
        self._wait_for_answer(identity, timeout, lambda info: info["source"] != EJECT_REQUEST)

    def _wait_for_answer(self, identity, timeout, is_awaited):
        deadline = time.monotonic() + timeout
        while True:
            info = self._qmp.wait_event("ACPI_DEVICE_OST", deadline - time.monotonic())["info"]
            if info.get("device") == identity and is_awaited(info):
                return

    def set_memory_blocks(self, online):
        """Makes the guest agent switch blocks. `online` says by block number whether the block is to be
        online."""
        answers = self._agent.request("guest-set-memory-blocks", {"mem-blks": [
            {"phys-index": index, "online": is_online} for index, is_online in online.items()]})
        failed = [answer for answer in answers if answer["response"] != "success"]
        if failed:
            raise GuestError(f"guest-set-memory-blocks: {failed}")

    def resize_virtio_mem(self, size):
        """Sets how much memory the virtio-mem device has to hold. The guest follows a little later."""
        self._qmp.execute("qom-set", path="virtio-mem", property="requested-size",
                          value=size_bytes(size))

    def virtio_mem_bytes(self):
        return self._qmp.execute("qom-get", path="virtio-mem", property="size")

    def _next_dimm(self):
        self._dimm_count += 1
        return f"dimm{self._dimm_count}"

    def start_login(self):
        """Starts a root login at the console. Without it there is one only if the kernel has the
        argument guest.shell."""
        self.start("exec setsid agetty --autologin root --noclear --keep-baud 115200 ttyS0 vt220")

    # Traces

    @property
    def console_path(self):
        """Path of the socket of the serial console."""
        return self._folder / "console"

    def console(self):
        return (self._folder / "console.log").read_text(errors="replace")

    def check_console(self):
        """Raises KernelTrouble when the kernel has complained since the last check."""
        trouble = self._new_trouble()
        if trouble:
            raise KernelTrouble(f"the guest's kernel complained: {trouble}")

    def _death(self, when):
        # check_console() has to see the same lines later.
        checked = self._lines_checked
        trouble = self._new_trouble()
        self._lines_checked = checked
        if trouble:
            return KernelTrouble(f"the guest died {when}: {trouble}")
        return GuestError(f"the guest died {when}")

    def expect_trouble(self):
        """Permits the kernel to complain from now on."""
        self._expects_trouble = True

    def _new_trouble(self):
        """Returns the lines from the first new complaint on."""
        if self._expects_trouble:
            return ""
        lines = self._new_lines()
        self._lines_checked += len(lines)
        for number, line in enumerate(lines):
            if TROUBLE.search(line):
                return "\n".join(lines[number:number + 40])
        return ""

    def _new_lines(self):
        """Returns the lines of the console since the last check."""
        return self.console().splitlines()[self._lines_checked:]

    def save_artifacts(self, error):
        """Saves the console and the journal for a person to read, and prints where they are."""
        self._artifacts.mkdir(parents=True, exist_ok=True)
        (self._artifacts / "error.txt").write_text(f"{error}\n")
        for name in ("console.log", "qemu.log"):
            if (self._folder / name).exists():
                shutil.copy(self._folder / name, self._artifacts)
        journal = self._journal()
        (self._artifacts / "journal.log").write_text(journal)
        # For a live guest the journal is more useful, for a dead guest the console.
        told = [line for line in journal.splitlines() if "memoryd" in line and "qemu-ga[" not in line]
        if not told and (self._folder / "console.log").exists():
            told = self.console().splitlines()
        print(f"guest {self._name}: see {self._artifacts}", *told[-15:], sep="\n    ", flush=True)

    def _journal(self):
        if not self._agent or self._process.poll() is not None:
            return ""
        try:
            self._agent.synchronize(20)
            return self.run("journalctl -o short-monotonic --no-pager", timeout=60)
        except (AgentError, GuestError) as error:
            return f"not to be had: {error}\n"


class Process:
    """A program in the guest that runs in parallel to the test."""

    def __init__(self, guest, pid):
        self._guest = guest
        self._result = None
        self.pid = pid

    def result(self):
        """Returns the Result of the program, or None while it runs."""
        self._result = self._result or self._guest.result(self.pid)
        return self._result

    def wait(self, timeout=WAIT_TIMEOUT):
        return self._guest.wait_until(self.result, f"the end of process {self.pid}", timeout, 0.1)

    def signal(self, name):
        self._guest.run(f"kill -{name} {self.pid}")

    def stop(self):
        """Ends the program unless it has already ended, and returns its Result."""
        if not self.result():
            self.signal("TERM")
        return self.wait()


def _words(command, user):
    words = ["/bin/bash", "-c", command]
    return ["/sbin/runuser", "-u", user, "--", *words] if user else words


def artifacts_folder():
    """Returns the folder in which failures leave their traces."""
    return pathlib.Path(os.environ.get("MEMORYD_VM_ARTIFACTS")
                        or pathlib.Path(tempfile.gettempdir()) / "memoryd-vm")
