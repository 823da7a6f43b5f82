# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A main process that is taken over can have the actuator write states and words, and no more."""

import collections
import errno
import re

import program
from case import FULL, GuestCase, newer_matters
from memory import read_devices, read_memory, wait_online

TAKE_DAX = 'rules = ( { origin = "kmem"; zone = "movable"; } );\n'

SYSTEM = "/sys/devices/system"
WRITTEN = re.compile(rf"{SYSTEM}/memory/memory\d+/state|{SYSTEM}/(memory|node/node\d+)/auto_online_blocks"
                     r"|/sys/devices/.+/dax\d+\.\d+/state|/sys/bus/dax/drivers/kmem/(un)?bind")
# The blocks of the machine and of a node, the nodes and the zones of a block.
READ = re.compile(rf"{SYSTEM}/memory(/memory\d+(/valid_zones)?|/block_size_bytes)?|{SYSTEM}/node/node\d+")


@newer_matters("it has a state for each dax device")
class TakenOver(GuestCase):
    """There is memory from the boot, of DIMMs on two nodes, and of a dax device."""

    hardware = FULL

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.make_dax_device()
        before = read_memory(cls.guest)
        cls.memoryd.use(TAKE_DAX)
        cls.guest.run("daxctl reconfigure-device --mode=system-ram --no-online dax0.0")
        # The kernel uses only whole blocks, and one of the eight contains the device's own data.
        wait_online(cls.guest, len(before.blocks) + 7)
        cls._usurp = program.bring_in(cls.guest, "usurp")

    def setUp(self):
        self.memoryd.wait_ready()
        self.wait_settled()

    def test_it_gets_states_and_words_written_only(self):
        self.add_dimm(256, 3)
        memory = read_memory(self.guest)
        self.assertEqual(memory.classes(3), "KM")
        last = next(block.index for block in memory.of(3))
        devices = read_devices(self.guest, memory.block_bytes)
        boot = {str(index) for index, (_, origin) in devices.items() if origin == "boot"}
        has_dax_state = self.guest.call("[ -e /sys/bus/dax/devices/dax0.0/state ]").code == 0

        said = self._ask()
        opened, modified = set(said["open"]), set(said["modify"])
        self.note(f"{said['requests'][0]} requests, {len(opened)} files and folders opened, {len(modified)} written")
        # Opens were seen wherever the actuator could have opened a file.
        self.assertLessEqual({"/", "/sys", "/proc", "/run", "/dev"}, set(said["watched"]))
        self.assertIn(f"{SYSTEM}/memory/auto_online_blocks", modified)
        if has_dax_state:
            self.assertIn("/sys/bus/dax/drivers/kmem/bind", modified)
        with self.never_again():
            self.assertEqual([path for path in modified if not WRITTEN.fullmatch(path)], [])
            self.assertEqual([path for path in opened
                              if not WRITTEN.fullmatch(path) and not READ.fullmatch(path)], [])
        # Blocks of the dax device that are gone again, and `bind` and `unbind`, which are for writing only.
        self.assertLessEqual(set(said["unseen"]), {"ENODEV", "EACCES"} if has_dax_state else set())

        self.assertTrue(said["offline"])  # memory that was added
        with self.never_again():
            self.assertEqual(boot & set(said["offline"]), set())
        errors = collections.defaultdict(set)
        for line in said["answer"]:
            block, movable_node, error = line.split()
            errors[block, int(movable_node)].add(-int(error))
        for block in memory:
            # The actuator leaves a block of several zones to the kernel, which refuses it.
            if str(block.index) in boot and block.zone_class == "kernel":
                for movable_node in (0, 1):
                    self.assertEqual(errors[str(block.index), movable_node], {errno.EADDRNOTAVAIL})
        self.assertIn(errno.EPERM, errors[str(last), 0])
        self.assertNotIn(errno.EPERM, errors[str(last), 1])

        self.assertModel()
        self.guest.run("systemctl restart memoryd")
        self.memoryd.wait_ready()
        self._check_added()

    def test_a_request_of_another_length_ends_the_actuator(self):
        before = read_memory(self.guest)
        restarts = self.memoryd.restarts()
        self.memoryd.expect_exit()
        self.guest.run(f"{self._usurp} send {self.memoryd.main_pid()} 41")  # 40 is right
        self.guest.wait_until(lambda: self.memoryd.restarts() > restarts, "a restart")
        self.memoryd.wait_ready()
        self._check_added()
        self.assertEqual([block for block in read_memory(self.guest) if block in before.blocks], before.blocks)

    def _ask(self):
        """Returns what follows each word of the program's output, as lists."""
        text = self.guest.run(f"{self._usurp} ask {self.memoryd.main_pid()} {self.memoryd.actuator_pid()}")
        said = collections.defaultdict(list)
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            said[word].append(rest)
        return said

    def _check_added(self):
        """Memory that is added comes online."""
        self.wait_settled()
        before = read_memory(self.guest)
        self.guest.add_dimm("256M", 1)
        self.guest.wait_until(lambda: len([block for block in read_memory(self.guest).added_to(before)
                                           if block.state == "online"]) == 2, "the added memory being online")
        self.assertModel()
