# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Either process is killed while blocks come online, and no block is lost."""

from case import CPU_NODES, WORDS_FILE, GuestCase, kernel_matters
from memory import read_memory, wait_online
from policy import expected_classes

DIMM_BLOCKS = 64
ATTEMPTS = 3

# Kills process $1 as soon as more than $2 blocks are online, and prints how many are online then. A
# single grep over all blocks is fast enough to hit the middle of the burst, if it gets the CPU. The
# script starts before the new blocks appear, because the burst could be over before a program starts.
KILLER = r"""
cd /sys/devices/system/memory
victim=$1 known=$2
until set -- memory[0-9]*; [ $# -gt $known ]; do sleep 0.02; done
count() { grep -lsx online memory*/state | wc -l; }
for ((i = 0; i < 20000; i++)); do
        [ "$(count)" -gt $known ] && break
done
kill -9 $victim
count
"""


class Killed(GuestCase):
    """Each test adds DIMMs of 64 blocks until a kill hits a DIMM that is partly online."""

    def test_the_main_process(self):
        self._check_kill(self.memoryd.main_pid)

    def test_the_actuator(self):
        self._check_kill(self.memoryd.actuator_pid)

    def _check_kill(self, victim):
        for _ in range(ATTEMPTS):
            total, online = self._kill_in_burst(victim)
            if online < total:
                self.note(f"killed with {total - online} of {DIMM_BLOCKS} blocks to go")
                return
        self.fail("all blocks were online before the kill, each time")

    def _kill_in_burst(self, victim):
        before = read_memory(self.guest)
        total = len(before.blocks) + DIMM_BLOCKS
        restarts = self.memoryd.restarts()
        pid = victim()
        self.guest.write_file("/run/killer", KILLER)

        self.memoryd.expect_exit()
        # The script runs ahead of memoryd, whose writes take more than their share of the CPUs.
        killer = self.guest.start("exec chrt --fifo 1 bash /run/killer "
                                  f"{pid} {len(before.blocks)}")
        self.guest.add_dimm(DIMM_BLOCKS * before.block_bytes, 1)
        online = int(killer.wait().stdout)

        self.guest.wait_until(lambda: self.memoryd.restarts() > restarts, "a restart")
        self.memoryd.wait_ready()
        added = wait_online(self.guest, total).added_to(before)
        self.assertClasses(added.classes(), expected_classes(before, 1, 1 in CPU_NODES, DIMM_BLOCKS))
        self.assertPolicy()
        self.assertModel()
        self.assertEqual(len(self.memoryd.processes()), 2)
        return total, online


# Kills the main process of memoryd $1 times, each time as soon as there is a new one.
KILL_OFTEN = r"""
old=0
for ((i = 0; i < $1; i++)); do
        pid=$old
        while [ $pid = $old ] || [ $pid = 0 ]; do
                pid=$(systemctl show --value --property=MainPID memoryd)
        done
        kill -9 $pid
        old=$pid
done
"""


class CrashCase(GuestCase):
    """systemd starts memoryd again without limit. Memory is added while memoryd waits."""

    def crash(self, count):
        self.guest.write_file("/run/kill-often", KILL_OFTEN)
        with self.memoryd.failing():
            self.guest.run(f"bash /run/kill-often {count}")
            self.guest.wait_until(
                lambda: any(f" {count} times in a row" in text for text in self.memoryd.messages()),
                "the message")

    def add(self):
        before = read_memory(self.guest)
        self.guest.add_dimm("256M", 0)
        wait_online(self.guest, len(before.blocks) + 2)
        self.memoryd.wait_ready()
        self.guest.wait_until(f"grep -qx offline {WORDS_FILE}", "memoryd's word")
        self.assertModel()


@kernel_matters("its own setting decides on memory while memoryd is away")
class FiveCrashes(CrashCase):
    """memoryd waits for a second."""

    def test_memory_comes_online_all_the_same(self):
        self.crash(5)
        self.add()


class FiftyCrashes(CrashCase):
    """memoryd waits for a minute."""

    minutes = 4
    everyday = False

    def test_memory_is_the_kernels_until_memoryd_is_back(self):
        # Below the heading is the line of the machine, unless memoryd found what it wants.
        own = self.guest.run("tail -n 1 /run/memoryd/state/auto_online_blocks 2>/dev/null || "
                             f"echo _ $(cat {WORDS_FILE})").split()[1]
        self.crash(50)
        self.assertEqual(self.guest.run(f"cat {WORDS_FILE}").strip(), own)
        self.add()
