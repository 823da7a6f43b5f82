# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Memory that is offline when the machine boots, and the kernel's settings after memoryd stops."""

import image
from case import PLAIN, WORDS_FILE, GuestCase, kernel_matters, newer_matters
from machine import Dimm
from memory import read_memory, wait_for_blocks
from memoryd import MESSAGE_BURST_DONE


class BootDimm(GuestCase):
    """The kernel finds a DIMM at boot and leaves it offline."""

    hardware = PLAIN | {"dimms": (Dimm("1G", 1),), "arguments": "memhp_default_state=offline"}
    boots = True

    @newer_matters("systemd and udev start memoryd, and find what was there before it")
    @kernel_matters("it decides when blocks of the boot appear, and in which state")
    def test_it_is_online_before_multi_user(self):
        self._check_boot(8)

    def test_the_same_after_a_reboot(self):
        before = read_memory(self.guest)
        self.guest.add_dimm("512M", 1)
        wait_for_blocks(self.guest, len(before.blocks) + 4)
        self.guest.run("systemctl --quiet disable memoryd; systemctl --quiet enable memoryd")
        self.guest.reboot()
        self.memoryd.wait_ready()
        self._check_boot(12)

    def _check_boot(self, count):
        self.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")
        self.assertModel()
        memory = read_memory(self.guest)
        self.assertClasses(memory.classes(1), "K" * (count // 4) + "M" * (count - count // 4))
        self.assertPolicy()

        # The journal has only this boot, since it is lost with the machine's memory.
        bursts = self.memoryd.journal(f"MESSAGE_ID={MESSAGE_BURST_DONE}")
        done = self.memoryd.uptime_of(bursts[0])
        reached = int(self.guest.run("systemctl show --value multi-user.target "
                                     "--property=ActiveEnterTimestampMonotonic")) / 1e6
        self.note(f"online at {done:.1f} s, multi-user.target at {reached:.1f} s")
        self.assertEqual(len(bursts), 1)
        self.assertLess(done, reached)


class OnlineBootDimm(GuestCase):
    """The kernel finds a DIMM at boot and onlines it, long before memoryd starts."""

    hardware = PLAIN | {"dimms": (Dimm("1G", 1),), "arguments": "memhp_default_state=online_movable"}
    boots = True

    def test_it_stays_as_it_is(self):
        self.assertModel()
        memory = read_memory(self.guest)
        self.assertClasses(memory.classes(1), "MMMMMMMM")
        statuses = {row.status for row in self.memoryd.blocks() if row.node == 1}
        self.assertEqual(statuses, {"initial"})


@newer_matters("what the kernel does by itself has changed before")
@kernel_matters("Debian has 6.12 online blocks by itself, 6.1 not")
class KernelAutoOnline(GuestCase):
    """The kernel's own setting, while memoryd runs and after it stops. Each test starts with memoryd
    stopped."""

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.first = [cls._word()]
        cls.guest.run("systemctl stop memoryd")
        cls.first.append(cls._word())

    def setUp(self):
        self.guest.run("systemctl stop memoryd")

    @classmethod
    def _word(cls):
        return cls.guest.run(f"cat {WORDS_FILE}").strip()

    def _wait_taken_over(self):
        """Waits until auto_online_blocks is `offline`. memoryd reports that it runs when the actuator has
        the request, which may be earlier."""
        self.guest.wait_until(lambda: self._word() == "offline", "memoryd's word")

    def test_a_stop_puts_back_what_the_kernel_had_at_boot(self):
        # Debian builds its kernels with onlining on since 6.12. kernel/build leaves it off.
        is_off = self.guest.kernel.name in ("6.1", *image.BUILT_KERNELS)
        built_in = "offline" if is_off else "online"
        self.assertEqual(self.first, ["offline", built_in])

    def test_a_start_takes_over_whatever_was_set(self):
        for word in ("online", "online_kernel", "online_movable", "offline"):
            with self.subTest(word=word):
                self.setUp()
                self.guest.run(f"echo {word} >{WORDS_FILE}")
                self.guest.run("systemctl start memoryd")
                self._wait_taken_over()
                self.guest.run("systemctl stop memoryd")
                self.assertEqual(self._word(), word)

    def test_a_restart_after_a_kill_still_knows_what_to_put_back(self):
        self.guest.run(f"echo online_movable >{WORDS_FILE}; systemctl start memoryd")
        restarts = self.memoryd.restarts()
        self.memoryd.kill(self.memoryd.main_pid())
        self.guest.wait_until(lambda: self.memoryd.restarts() > restarts, "a restart")
        self.memoryd.wait_ready()
        self._wait_taken_over()
        self.guest.run("systemctl stop memoryd")
        self.assertEqual(self._word(), "online_movable")

    def test_without_memoryd_a_dimm_stays_offline(self):
        """Shows that memoryd onlines the memory in all other tests."""
        self.guest.run(f"echo offline >{WORDS_FILE}")
        before = read_memory(self.guest)
        self.guest.add_dimm("256M", 1)
        added = wait_for_blocks(self.guest, len(before.blocks) + 2).added_to(before)
        self.assertClasses(added.classes(), "--")
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.assertModel()
        self.assertPolicy()
