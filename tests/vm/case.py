# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The base class of the tests. Each class has a guest, which has memoryd in it unless the class says otherwise."""

import contextlib
import os
import unittest

import image
import program
import snapshot
from agent import AgentError
from guest import Guest, GuestError, KernelTrouble
from machine import Dimm, Node, Nvdimm, VirtioMem
from memory import read_devices, read_memory, wait_online
from memoryd import Memoryd
from policy import expected_classes, faults
from verdict import FatalFailure

# The machines of nearly all classes. Each boots once for each kernel, so a class has hardware of its own only if
# its tests are about that.
# A node with boot memory and a processor, a node with only a processor, and a node with neither, which is far
# from both.
PLAIN = {"nodes": (Node("1G", "0"), Node(cpus="1"), Node()), "distances": {(0, 2): 40, (1, 2): 40},
         "max_memory": "256G"}
# A machine with memory of every origin that QEMU can provide. Node 2 appears with the dax device, node 3 with
# its first DIMM.
FULL = {"nodes": (Node("2G", "0"), Node(cpus="1"), Node(), Node()), "dimms": (Dimm("256M", 0),),
        "virtio_mem": VirtioMem("4G", 1), "nvdimms": (Nvdimm("1G", 2),)}
# The nodes of both that have a processor.
CPU_NODES = (0, 1)

# The names that memoryd has for the classes of read_memory().
CLASSES = {"": "none", "mixed": "kernel", "kernel": "kernel", "movable": "movable"}

# The statuses of blocks that memoryd has not finished.
UNDECIDED = ("waiting", "pending", "writing", "retrying")

WORDS_FILE = "/sys/devices/system/memory/auto_online_blocks"

DENIED = r"(?i)access denied|not authorized|interactive authentication required"

# Kernels with the patches of kernel/, and kernels without them.
PATCHED = ("patched", "patched-6.1", "patched-7.3", "lockdep", "lockdep-7.3")
UNPATCHED = ("unpatched",)

# The seconds until all blocks must be right after a test that failed.
REST_TIMEOUT = 120


def kernel_matters(reason):
    """Marks a test, or a class of tests, whose result can depend on the kernel, and says why. These
    tests also run on Linux 6.1."""
    def mark(test):
        test.kernel_matters = reason
        return test
    return mark


def newer_matters(reason):
    """Marks a test, or a class of tests, that a newer kernel or systemd is most likely to make different,
    and says why. These few tests also run on the newest kernel of Debian 13."""
    def mark(test):
        test.newer_matters = reason
        return test
    return mark


def node_words_file(node):
    """Returns the counterpart of WORDS_FILE for a node. Only a kernel with the patches has it."""
    return f"/sys/devices/system/node/node{node}/auto_online_blocks"


class GuestCase(unittest.TestCase):
    """A class of tests that share a guest, and so its memory: a test must compare with the memory that
    it found at its start."""

    hardware = PLAIN  # arguments for Guest
    has_memoryd = True  # whether memoryd is installed in the guest; if not, boots must be true
    boots = False  # whether the guest boots for this class instead of starting from a snapshot
    minutes = 1  # how long the class takes, roughly: the longest classes start first
    everyday = True  # whether the class also runs when neither --all nor a kernel is asked for
    answers_at_end = True  # whether the guest can still be asked after the last test
    alone = False  # whether the class measures time, so that no other guest may run meanwhile
    guest = memoryd = None

    @classmethod
    def setUpClass(cls):
        kernel = os.environ["MEMORYD_VM_KERNEL"]
        suite = image.suites()[kernel]
        destdir = os.environ.get(image.destdir_variable(suite))
        if not destdir:
            raise unittest.SkipTest(f"{image.destdir_variable(suite)} does not name an installed memoryd")
        made = (image.ensure(suite, destdir, settings=image.TEST_SETTINGS) if cls.has_memoryd
                else image.ensure(suite, report=_report))
        hardware = dict(cls.hardware)
        second = os.environ.get("MEMORYD_VM_ATTEMPT") == "2"
        if not cls.boots and not second:
            hardware["snapshot"] = snapshot.ensure(made, kernel, hardware, _report)
        cls.guest = cls.enterClassContext(
            Guest(made, kernel, name=f"{cls.__name__}{'-second' if second else ''}", **hardware))
        cls.memoryd = Memoryd(cls.guest)
        if cls.answers_at_end:
            cls.addClassCleanup(cls.check_exits)
        # The traces of the guest are needed most when memoryd does not start.
        try:
            cls.prepare_class()
        except Exception as error:
            cls.guest.save_artifacts(error)
            cls.check_exits()
            raise

    @classmethod
    def prepare_class(cls):
        """Prepares the guest for the tests of the class."""
        cls.memoryd.wait_ready()

    def run(self, result=None):
        failures = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > failures:
            self.guest.save_artifacts(self.id())
            reasons = self.judge()
            if reasons:
                result.condemn(self, reasons)
        return result

    def tearDown(self):
        self.guest.check_console()
        self.check_exits()

    @classmethod
    def check_exits(cls):
        """Fails when a process of memoryd has ended unexpectedly since the last check."""
        exits = cls.memoryd.unasked_exits()
        if exits:
            raise FatalFailure("\n".join(exits))

    def judge(self):
        """Returns, after a failure, the faults that a busy host cannot explain, a sentence for each:
        processes of memoryd that ended, complaints of the kernel, and blocks that do not match the
        decision of memoryd."""
        found = []

        def is_right():
            found[:] = self._block_faults()
            return not found
        try:
            exits = self.memoryd.unasked_exits()
            if exits or self.memoryd.show("ActiveState") != "active":
                return exits
            self.guest.wait_until(is_right, "all blocks being right", REST_TIMEOUT)
        except KernelTrouble as error:
            return [str(error)]
        except (GuestError, AgentError, ValueError):
            pass  # a guest that does not answer cannot be judged
        return found

    def _block_faults(self):
        memory, rows, _ = self.memoryd.beside_kernel()
        known = {row.id: row for row in rows}
        return [fault for block in memory for fault in _faults_of(block, known)]

    def note(self, text):
        """Adds a figure that is shown with the result of the test."""
        self.notes = [*getattr(self, "notes", []), text]

    # Steps

    @classmethod
    def make_dax_device(cls):
        """Makes the dax device dax0.0 from the guest's first persistent memory."""
        cls.guest.wait_until("[ -b /dev/pmem0 ]", "the driver of the persistent memory")
        # The disk appears before the driver has made everything that ndctl needs.
        cls.guest.run("udevadm settle; ndctl create-namespace --force --mode=devdax "
                      "--reconfig=namespace0.0 --map=mem")

    def add_dimm(self, size, node):
        """Adds a DIMM and waits until its blocks are online. Returns the id of the DIMM, the memory
        before, and the memory that the DIMM brought."""
        before = read_memory(self.guest)
        dimm = self.guest.add_dimm(f"{size}M", node)
        count = (size << 20) // before.block_bytes
        after = wait_online(self.guest, len(before.blocks) + count)
        self.wait_settled()
        return dimm, before, after.added_to(before)

    def add_dimm_by_policy(self, size, node):
        """Adds a DIMM as add_dimm() does, checks every block against the shipped policy, and returns
        the id of the DIMM."""
        dimm, before, added = self.add_dimm(size, node)
        self.assertClasses(added.classes(node), expected_classes(before, node, node in CPU_NODES,
                                                                 len(added.blocks)))
        self.assertPolicy()
        return dimm

    def start_load(self, arguments):
        """Starts a program that uses memory of the guest. It ends with the test at the latest."""
        load = program.Load(self.guest, arguments)
        self.addCleanup(load.end)
        return load

    def wait_settled(self):
        """Waits until memoryd has nothing left to do, and its blocks match those of the kernel."""
        def difference():
            memory, rows, pending = self.memoryd.beside_kernel()
            kernel = {block.index: (block.node, block.state, CLASSES[block.zone_class])
                      for block in memory}
            known = {row.id: (row.node, row.state, row.zone_class) for row in rows}
            found = [f"memory{index}: {_place(known.get(index))} to memoryd, "
                     f"{_place(kernel.get(index))} to the kernel"
                     for index in sorted(kernel | known) if known.get(index) != kernel.get(index)]
            return found + ([f"{pending} blocks pending"] if pending else [])
        self.guest.wait_until_empty(difference, "memoryd's blocks being those of the kernel")

    # Checks

    @contextlib.contextmanager
    def never_again(self):
        """A failure inside gets no second attempt."""
        try:
            yield
        except AssertionError as error:
            raise FatalFailure(str(error)) from error

    def assertClasses(self, classes, expected):  # pylint: disable=invalid-name
        """Each block has the expected class. Both arguments have the form of Memory.classes()."""
        with self.never_again():
            self.assertEqual(classes, expected)

    def assertDenied(self, result):  # pylint: disable=invalid-name
        """The command failed because its user lacks the right."""
        with self.never_again():
            self.assertNotEqual(result.code, 0)
        self.assertRegex(result.stderr, DENIED)

    def assertRefusal(self, name, expected):  # pylint: disable=invalid-name
        """A call was answered with the expected error. Names have the form of Memoryd.call_error()."""
        with self.never_again():
            self.assertNotEqual(name, "")
        self.assertEqual(name, expected)

    def assertPolicy(self):  # pylint: disable=invalid-name
        with self.never_again():
            self.assertEqual(faults(read_memory(self.guest), CPU_NODES), [])

    def assertModel(self):  # pylint: disable=invalid-name
        """The classes and sums of memoryd match sysfs."""
        self.wait_settled()
        memory, rows, _ = self.memoryd.beside_kernel()
        with self.never_again():
            self.assertEqual([row.zone_class for row in rows],
                             [CLASSES[block.zone_class] for block in memory])
        self.assertEqual(self.memoryd.get("MovableBytes"), memory.bytes(None, "movable"))
        self.assertEqual(self.memoryd.get("OfflineBytes"),
                         len(memory.offline()) * memory.block_bytes)

    def assertDevices(self):  # pylint: disable=invalid-name
        """memoryctl shows the device and the origin of every block as the kernel has them."""
        devices = read_devices(self.guest, read_memory(self.guest).block_bytes)
        # An empty cell is null in JSON.
        self.assertEqual({index: (row["device"] or "", row["origin"])
                          for index, row in self.memoryd.listed().items()}, devices)

    def assertRule(self, memory, name):  # pylint: disable=invalid-name
        """This rule decided on all blocks of the memory. "" is the default."""
        rows = self.memoryd.listed()
        with self.never_again():
            self.assertEqual({rows[block.index]["rule"] or "" for block in memory}, {name})

    def assertNoErrors(self):  # pylint: disable=invalid-name
        self.assertEqual(self.memoryd.errors(), [])


def _faults_of(block, known):
    """Returns what memoryd has wrong about this block. `known` has memoryd's rows by block number."""
    row = known.get(block.index)
    if not row:
        return [f"memory{block.index} is lost: memoryd does not know it"]
    if row.status in UNDECIDED:
        return [f"memory{block.index} is still {row.status}"]
    if (row.status == "done" and row.decision in ("kernel", "movable")
            and row.decision != CLASSES[block.zone_class]):
        return [f"memory{block.index} is {CLASSES[block.zone_class]}, memoryd wanted {row.decision}"]
    return []


def _report(text):
    print(text, flush=True)


def _place(block):
    """Returns a block's node, state and class in words. None is a block that is not known."""
    return "not there" if block is None else f"{block[1]} on node {block[0]}, class {block[2]}"
