# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest under QEMU: boots, runs commands, gets and loses memory, and leaves traces on failure."""

import dataclasses
import itertools
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import time

from agent import Agent, AgentError
from qmp import Qmp

# Deadlines, in seconds, for a machine where everything is emulated and something else runs besides.
START_TIMEOUT = 120
# One per attempt: a guest that hangs shall not cost much time, and one that is slow have enough.
BOOT_TIMEOUTS = (300, 600, 900)
RUN_TIMEOUT = 600
WAIT_TIMEOUT = 600
# Of the bus's clients in the guest, whose own is 25.
BUS_TIMEOUT = 300

# Between two nodes, in the firmware's tables.
DEFAULT_DISTANCE = 20

# What a kernel in trouble says on its console.
TROUBLE = re.compile(r"\bBUG:|\bOops\b|Call Trace:|Kernel panic|WARNING: CPU:|"
                     r"general protection fault|blocked for more than|Unable to handle kernel")

# The kernel rewrites its own text with the help of breakpoints, and waits until no processor can run
# into one. QEMU before 8.1 can lose such a change when two emulated processors are at it at the same
# time: one of them then runs into a breakpoint that is not there any more.
STALE_BREAKPOINT = "Oops: int3:"

KERNEL_ARGUMENTS = [
    "root=/dev/vda", "rw", "rootfstype=ext4", "console=ttyS0", "loglevel=5",
    "systemd.show_status=0", "oops=panic", "panic=-1",
    # Emulated time runs unevenly: what looks like a stuck processor is a busy host.
    "nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1", "no_timer_check", "clocksource=tsc",
    "sysctl.kernel.hung_task_timeout_secs=300",
    "tsc=reliable", "mitigations=off", "random.trust_cpu=on", "audit=0", "fsck.mode=skip",
]


class GuestError(Exception):
    """The guest did something it should not; the text says what."""


class BootFailure(GuestError):
    """It did not come up, and that may well be QEMU's fault."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A NUMA node of the machine; without memory unless a size is given. The kernel knows a node
    that has neither memory nor processor only when it is the machine's last."""
    memory: str = ""
    cpus: str = ""


@dataclasses.dataclass(frozen=True)
class Dimm:
    """A DIMM that is there at boot."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class VirtioMem:
    """A virtio-mem device, plugged at boot with nothing in it; resize_virtio_mem() fills it."""
    size: str
    node: int


@dataclasses.dataclass(frozen=True)
class Nvdimm:
    """Persistent memory that is there at boot: pmem0, until the guest makes a dax device of it.
    Its node must be of its own, before the last: the kernel numbers only nodes that the firmware
    tells of, and hot-added memory is the last one's."""
    size: str
    node: int


class Guest:
    """A context manager: the guest runs inside `with`. Leaving it checks the console."""

    def __init__(self, image, kernel, *, nodes=(Node("1G", "0-1"),), dimms=(), virtio_mem=None,
                 nvdimms=(), distances=None, arguments="", name="guest", max_memory="64G"):
        self.kernel = image.kernels[kernel]
        self._image = image
        self._nodes = nodes
        self._boot_dimms = dimms
        self._virtio_mem = virtio_mem
        self._nvdimms = nvdimms
        self._distances = distances or {}
        self._arguments = arguments.split()
        self._name = name
        self._artifacts = artifacts_folder() / f"{name}-{kernel}"
        self._max_memory = max_memory
        self._process = self._qmp = self._agent = None
        self._dimm_count = 0
        self._lines_checked = 0
        self._expects_trouble = False

    # Life

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="memoryd-vm-"))
        try:
            self._start()
            self._come_up(self._start)
            if self.kernel.builtin:
                self._list_builtin()
        except BaseException as error:
            self.save_artifacts(error)
            self._end()
            raise
        return self

    def _list_builtin(self):
        """Tells the guest's tools which modules they need not look for."""
        folder = f"/lib/modules/{self.run('uname -r').strip()}"
        self.write_file(f"{folder}/modules.builtin", self.kernel.builtin.read_text())
        self.run(f"touch {folder}/modules.order && depmod")

    def _come_up(self, try_again):
        """An emulated processor that the host gives too little time to can be kept busy by its own
        timer for good, and see STALE_BREAKPOINT. So a guest that does not come up has another try,
        and that is told."""
        for timeout in BOOT_TIMEOUTS:
            try:
                self._wait_for_agent(timeout)
                return
            except BootFailure as error:
                if timeout == BOOT_TIMEOUTS[-1]:
                    raise
                print(f"guest {self._name}: {error}, starting it once more", flush=True)
                try_again()

    def __exit__(self, kind, error, traceback):
        try:
            if error is not None:
                self.save_artifacts(error)
            else:
                self.check_console()
        finally:
            self._end()

    def _start(self):
        self._disconnect()
        self._dimm_count = 0
        with open(self._folder / "qemu.log", "wb") as log:
            self._process = subprocess.Popen(self._command_line(), stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_TIMEOUT
        try:
            self._qmp = Qmp(self._folder / "qmp", deadline)
            self._agent = Agent(self._folder / "agent", deadline)
        except OSError as error:
            text = (self._folder / "qemu.log").read_text(errors="replace")
            raise GuestError(f"QEMU does not start: {text or error}") from error

    def _command_line(self):
        return [
            "qemu-system-x86_64",
            *machine_arguments(self._nodes, self._max_memory, self._distances, bool(self._nvdimms)),
            *boot_arguments(self._image, self.kernel, self._arguments),
            *self._nvdimm_arguments(), *self._boot_dimm_arguments(), *self._virtio_mem_arguments(),
            # A panic reboots the guest at once, and that ends QEMU.
            "-no-reboot", "-display", "none",
            # A person can sit down at the console any time; until then it is only written down.
            "-chardev", f"socket,id=console,path={self.console_path},server=on,wait=off,"
                        f"logfile={self._folder}/console.log",
            "-serial", "chardev:console",
            "-qmp", f"unix:{self._folder}/qmp,server=on,wait=off",
            "-chardev", f"socket,id=agent,path={self._folder}/agent,server=on,wait=off",
            "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
        ]

    def _boot_dimm_arguments(self):
        words = []
        for dimm in self._boot_dimms:
            identity = self._next_dimm()
            words += ["-object", f"memory-backend-ram,id=mem-{identity},size={dimm.size},"
                                 "reserve=off",
                      "-device", f"pc-dimm,id={identity},memdev=mem-{identity},node={dimm.node}"]
        return words

    def _nvdimm_arguments(self):
        words = []
        for number, nvdimm in enumerate(self._nvdimms):
            words += ["-object", f"memory-backend-ram,id=nvmem{number},size={nvdimm.size},"
                                 "reserve=off",
                      "-device", f"nvdimm,id=nvdimm{number},memdev=nvmem{number},"
                                 f"node={nvdimm.node}"]
        return words

    def _virtio_mem_arguments(self):
        if not self._virtio_mem:
            return []
        return ["-object", f"memory-backend-ram,id=vmem,size={self._virtio_mem.size},reserve=off",
                "-device", "virtio-mem-pci,id=virtio-mem,memdev=vmem,"
                           f"node={self._virtio_mem.node},requested-size=0"]

    def _disconnect(self):
        for connection in (self._agent, self._qmp):
            if connection:
                connection.close()
        if self._process:
            # The disk is a snapshot: nothing is lost that anyone wants.
            self._process.kill()
            self._process.wait()
        self._process = self._qmp = self._agent = None

    def _end(self):
        self._disconnect()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_for_agent(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._agent.synchronize(5)
                return
            except AgentError as error:
                if self._process.poll() is not None:
                    if STALE_BREAKPOINT in self.console():
                        raise BootFailure(f"the guest died of '{STALE_BREAKPOINT}'") from error
                    raise GuestError("the guest died while it booted\n"
                                     f"{self._new_trouble()}") from error
                if time.monotonic() > deadline:
                    raise BootFailure(f"the guest did not boot in {timeout} s") from error

    def reboot(self):
        """An orderly reboot, as `systemctl reboot`. The disk keeps what was written to it."""
        self._qmp.execute("set-action", reboot="reset")
        self._qmp.forget_events()
        self._agent.request("guest-exec", {"path": "systemctl", "arg": ["--no-block", "reboot"]})
        self._qmp.wait_event("RESET", WAIT_TIMEOUT)
        self._come_up(lambda: self._qmp.execute("system_reset"))
        # Not earlier: the firmware resets the machine once more on its way.
        self._qmp.execute("set-action", reboot="shutdown")

    # Commands

    def run(self, command, check=True, user=None, timeout=RUN_TIMEOUT):
        """What a bash command line prints. With check, its failure is an error."""
        result = self.call(command, user=user, timeout=timeout)
        if check and result.code != 0:
            raise GuestError(f"'{command}' failed with {result.code}: "
                             f"{(result.stderr or result.stdout).strip()}")
        return result.stdout

    def call(self, command, user=None, timeout=RUN_TIMEOUT):
        """How a bash command line ends: code, stdout, stderr. Runs as root unless told else."""
        try:
            return self._agent.execute(_words(command, user), timeout)
        except AgentError as error:
            if self._process.poll() is not None:
                raise GuestError(f"the guest died while it ran '{command}'\n"
                                 f"{self._new_trouble()}") from error
            raise GuestError(f"'{command}': {error}") from error

    def start(self, command, user=None):
        """A bash command line that runs beside the test: a Process."""
        return Process(self, self._agent.start(_words(command, user)))

    def result(self, pid):
        """How a program that was started ended, None while it runs."""
        return self._agent.result(pid)

    def write_file(self, path, text):
        self.run(f"mkdir -p {shlex.quote(str(pathlib.PurePosixPath(path).parent))}")
        self._agent.write_file(path, text)

    def wait_until(self, condition, what, timeout=WAIT_TIMEOUT, pause=0.3):
        """Asks until the answer is true, and returns it. `condition` is a function, or a command
        that shall succeed; `what` names it in the error."""
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
        """Asks until there are none; the error has the last ones, a line each."""
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
        """Asks the guest to release a DIMM and waits until it is out."""
        self._qmp.forget_events()
        self._qmp.execute("device_del", id=identity)
        deadline = time.monotonic() + timeout
        while True:
            event = self._qmp.wait_event("DEVICE_DELETED", deadline - time.monotonic())
            if event.get("device") == identity:
                break
        self._qmp.execute("object-del", id=f"mem-{identity}")

    def set_memory_blocks(self, online):
        """Has the guest agent switch blocks: whether each is to be online, by its number."""
        answers = self._agent.request("guest-set-memory-blocks", {"mem-blks": [
            {"phys-index": index, "online": is_online} for index, is_online in online.items()]})
        failed = [answer for answer in answers if answer["response"] != "success"]
        if failed:
            raise GuestError(f"guest-set-memory-blocks: {failed}")

    def resize_virtio_mem(self, size):
        """Sets what the virtio-mem device shall hold. The guest follows a little later."""
        self._qmp.execute("qom-set", path="virtio-mem", property="requested-size",
                          value=size_bytes(size))

    def virtio_mem_bytes(self):
        return self._qmp.execute("qom-get", path="virtio-mem", property="size")

    def _next_dimm(self):
        self._dimm_count += 1
        return f"dimm{self._dimm_count}"

    # Traces

    @property
    def console_path(self):
        """The socket of the serial console."""
        return self._folder / "console"

    def console(self):
        return (self._folder / "console.log").read_text(errors="replace")

    def check_console(self):
        """Raises when the kernel complained since the last check."""
        trouble = self._new_trouble()
        if trouble:
            raise GuestError(f"the guest's kernel is in trouble:\n{trouble}")

    def expect_trouble(self):
        """From here on the kernel may complain."""
        self._expects_trouble = True

    def _new_trouble(self):
        """The lines from the first complaint on that was not told before."""
        if self._expects_trouble:
            return ""
        lines = self.console().splitlines()
        start, self._lines_checked = self._lines_checked, len(lines)
        for number, line in enumerate(lines[start:], start):
            if TROUBLE.search(line):
                return "\n".join(lines[number:number + 40])
        return ""

    def save_artifacts(self, error):
        """Keeps the console and the journal where a person finds them, and says where."""
        self._artifacts.mkdir(parents=True, exist_ok=True)
        (self._artifacts / "error.txt").write_text(f"{error}\n")
        for name in ("console.log", "qemu.log"):
            if (self._folder / name).exists():
                shutil.copy(self._folder / name, self._artifacts)
        journal = self._journal()
        (self._artifacts / "journal.log").write_text(journal)
        # A guest that is alive has more to say in its journal, a dead one on its console.
        told = [line for line in journal.splitlines() if "memoryd" in line]
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
    """A program of the guest that was started and not waited for."""

    def __init__(self, guest, pid):
        self._guest = guest
        self._result = None
        self.pid = pid

    def result(self):
        """How it ended, None while it runs."""
        self._result = self._result or self._guest.result(self.pid)
        return self._result

    def wait(self, timeout=WAIT_TIMEOUT):
        return self._guest.wait_until(self.result, f"the end of process {self.pid}", timeout, 0.1)

    def signal(self, name):
        self._guest.run(f"kill -{name} {self.pid}")

    def stop(self):
        """Ends it, if it has not ended by itself."""
        if not self.result():
            self.signal("TERM")
        return self.wait()


def _words(command, user):
    words = ["/usr/bin/env", f"SYSTEMD_BUS_TIMEOUT={BUS_TIMEOUT}", "/bin/bash", "-c", command]
    return ["/sbin/runuser", "-u", user, "--", *words] if user else words


def artifacts_folder():
    """Where failures leave their traces."""
    return pathlib.Path(os.environ.get("MEMORYD_VM_ARTIFACTS")
                        or pathlib.Path(tempfile.gettempdir()) / "memoryd-vm")


def machine_arguments(nodes, max_memory="64G", distances=None, has_nvdimm=False):
    """QEMU's machine with these nodes and room for DIMMs. `distances` between two nodes, by their
    numbers, lower first; 20 where there is none."""
    total = sum(size_bytes(node.memory) for node in nodes if node.memory)
    words = [
        "-accel", os.environ.get("MEMORYD_VM_ACCEL", "tcg,thread=multi"),
        "-M", "q35,nvdimm=on" if has_nvdimm else "q35", "-cpu", "max", "-nodefaults", "-vga", "none",
        # A socket per processor: one socket on two nodes makes the kernel warn.
        "-smp", "2,sockets=2,cores=1,threads=1",
        "-m", f"{total >> 20}M,slots=32,maxmem={max_memory}",
    ]
    for number, node in enumerate(nodes):
        option = f"node,nodeid={number}"
        if node.memory:
            words += ["-object", f"memory-backend-ram,id=node{number},size={node.memory},"
                                 "reserve=off"]
            option += f",memdev=node{number}"
        if node.cpus:
            option += f",cpus={node.cpus}"
        words += ["-numa", option]
    if distances:
        # All or none: QEMU wants to know the others too then.
        for pair in itertools.combinations(range(len(nodes)), 2):
            distance = distances.get(pair, DEFAULT_DISTANCE)
            words += ["-numa", f"dist,src={pair[0]},dst={pair[1]},val={distance}"]
    return words


def boot_arguments(image, kernel, arguments=()):
    """QEMU's disk and kernel. What is written to the disk is forgotten at the end."""
    return [
        "-kernel", str(kernel.image), *(["-initrd", str(kernel.initrd)] if kernel.initrd else []),
        "-append", " ".join([*KERNEL_ARGUMENTS, *clock_arguments(), *arguments]),
        "-drive", f"file={image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe",
    ]


def clock_arguments():
    """The kernel's argument for how fast the processor's clock is, which is that of this machine. When
    the guest measures that itself and is given no time meanwhile, its time goes ten times too fast from
    then on: whatever waits there gives up too early, and its timer can keep it busy for good."""
    found = re.search(r"^bogomips\s*: (\d+)\.(\d\d)$", pathlib.Path("/proc/cpuinfo").read_text(),
                      re.MULTILINE)
    # Two for each cycle of the clock, on x86.
    return [f"tsc_early_khz={int(found[1] + found[2]) * 10 // 2}"] if found else []


def size_bytes(text):
    """The bytes of a size as QEMU and libconfig write it: 128M, 1G."""
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    if isinstance(text, int):
        return text
    return int(text[:-1]) << units[text[-1]] if text[-1] in units else int(text)
