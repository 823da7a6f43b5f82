# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Places where memoryd must not run: the kernel that saves a crash dump, and containers."""

import contextlib

import program
import recipe
from case import PLAIN, GuestCase
from guest import GuestError
from machine import KERNEL_ARGUMENTS, Dimm, clock_arguments
from memory import read_memory

# What kdump adds for its kernel.
CRASH_ARGUMENTS = ["nr_cpus=1", "irqpoll", "reset_devices"]
# How long the agent of a running guest may take to answer, in seconds.
ANSWER_TIMEOUT = 20
CONDITIONS = "systemd-analyze condition --unit=memoryd.service"


class CrashKernel(GuestCase):
    """The guest's kernel crashes, and another kernel boots in the memory that was kept for it."""

    hardware = PLAIN | {"dimms": (Dimm("512M", 1),), "arguments": "crashkernel=320M"}
    boots = True
    answers_at_end = False
    kernels = tuple(recipe.kernels())

    def _is_crash_kernel(self):
        with contextlib.suppress(GuestError):
            return self.guest.answers(ANSWER_TIMEOUT) and self.guest.call("[ -e /proc/vmcore ]").code == 0
        return False

    def test_memoryd_does_not_run_there_and_the_journal_says_why(self):
        self.guest.run(CONDITIONS)
        kexec = program.bring_in(self.guest, "kexec")
        arguments = " ".join([*KERNEL_ARGUMENTS, *clock_arguments(), *CRASH_ARGUMENTS])
        self.guest.run(f"{kexec} /boot/vmlinuz-$(uname -r) /boot/initrd.img-$(uname -r) '{arguments}' && sync")
        self.guest.expect_trouble()
        self.guest.start("sleep 1; echo c >/proc/sysrq-trigger")
        # A request to the agent that the crash cuts short would wait for its answer for minutes.
        self.guest.wait_until(lambda: "sysrq triggered crash" in self.guest.console(), "the crash")
        self.guest.wait_until(self._is_crash_kernel, "the crash kernel")
        self.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")

        self.assertEqual(self.memoryd.show("ActiveState"), "inactive")
        self.assertEqual(self.memoryd.show("ConditionResult"), "no")
        self.assertEqual(self.guest.call("pgrep -x 'memoryd|memoryd-write'").code, 1)
        self.assertIn("ConditionPathExists=!/proc/vmcore", self.guest.run("systemctl status memoryd", check=False))
        self.assertIn("ConditionPathExists=!/proc/vmcore", self.guest.run("journalctl --unit=memoryd --no-pager"))
        memory = read_memory(self.guest)
        self.note(f"blocks of node 1 in the crash kernel: {memory.classes(1)!r}")


class Container(GuestCase):
    """The conditions of the unit, as the first process of a container sees them."""

    def test_memoryd_does_not_run_in_a_container(self):
        self.guest.run(CONDITIONS)
        result = self.guest.call("unshare --pid --fork --mount-proc "
                                 f"env container=lxc SYSTEMD_LOG_TARGET=console {CONDITIONS}")
        self.assertEqual(result.code, 1)
        self.assertIn("ConditionVirtualization=!container", result.stdout + result.stderr)
