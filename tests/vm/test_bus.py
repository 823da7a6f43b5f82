# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The bus goes away and comes back. Onlining does not wait for it."""

from case import CPU_NODES, GuestCase
from memory import read_memory, wait_online
from policy import expected_classes


class BusGone(GuestCase):
    """memoryd keeps running throughout."""

    def setUp(self):
        self.pid = self.memoryd.main_pid()

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.memoryd.main_pid(), self.pid)

    def _stop_bus(self):
        # The socket stops first, or the next client would start the bus again.
        self.guest.run("systemctl stop dbus.socket dbus.service")
        self.guest.wait_until("! systemctl is-active dbus.service", "the bus gone")

    def _start_bus(self):
        self.guest.run("systemctl start dbus.socket dbus.service")
        self.guest.wait_until(self.memoryd.answers, "memoryd on the bus again")

    def test_a_dimm_is_onlined_without_a_bus(self):
        before = read_memory(self.guest)
        self._stop_bus()
        self.addCleanup(self.guest.run, "systemctl start dbus.socket dbus.service")
        self.guest.add_dimm("1G", 1)
        added = wait_online(self.guest, len(before.blocks) + 8).added_to(before)
        self.assertClasses(added.classes(), expected_classes(before, 1, 1 in CPU_NODES, 8))
        self._start_bus()
        self.assertModel()
        self.assertEqual(self.memoryd.node(1, "OnlineBytes"), read_memory(self.guest).bytes(1))

    def test_a_restarted_bus_finds_memoryd_again(self):
        for _ in range(2):
            self._stop_bus()
            self._start_bus()
            self.guest.run("memoryctl rescan")
        self.add_dimm_by_policy(256, 1)
