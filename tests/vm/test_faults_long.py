# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Faults that are made over and over. Each note is a row of the table of test_faults.py."""

import random

from case import FULL, WORDS_FILE
from fault import ALL_ONLINE, MOVABLE, PAUSE, RESCAN, FaultCase
from guest import GuestError
from memory import read_memory, wait_for_blocks


class RefusingKernel(FaultCase):
    """The kernel refuses for 30 % of the time."""

    adds = 49  # and one more at the end
    jobs = 20
    minutes = 8
    everyday = False

    def test_all_is_online_in_the_end(self):
        self.inject(self.adds, self.jobs)


# Kills a process of memoryd $count times: the actuator if the kill has an odd number, at a random moment within four
# seconds of the start. Every other pair of kills also waits until a block is offline. Prints how many kills hit which
# process, and how many of all hit while a block was offline.
KILLS = PAUSE + r"""
cd /sys/devices/system/memory
main=0 actuator=0 busy=0 old=0
offline() { grep -Lsx online memory*/state | grep -q .; }
for ((i = 0; i < $count; i++)); do
        until pid=$(systemctl show --value --property=MainPID memoryd) && [ $pid != 0 ] && [ $pid != $old ]; do
                pause 0.1
        done
        old=$pid
        pause $((RANDOM % 4)).$((RANDOM % 10))
        for ((wait = i & 2; wait > 0 && wait < 500; wait++)); do
                offline && pause 0.0$((RANDOM % 10)) && break
                pause 0.02
        done
        if ((i % 2)); then
                # The file has no end of line, which read takes for a failure.
                victim=
                until [ "$victim" ]; do pause 0.05; read -r victim _ </proc/$pid/task/$pid/children; done
                actuator=$((actuator + 1))
        else
                victim=$pid main=$((main + 1))
        fi
        kill -KILL $victim
        offline && busy=$((busy + 1))
done
echo $main $actuator $busy
"""


class ComeAndGo(FaultCase):
    """DIMMs come and leave while memoryd is away again and again. Then the kernel onlines them, by a setting that
    lets them leave."""

    minutes = 20
    everyday = False

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.guest.run(f"systemctl stop memoryd; echo online_movable >{WORDS_FILE}; systemctl start memoryd")
        cls.memoryd.wait_ready()
        cls.memoryd.use(MOVABLE)

    def come_and_go(self, before, meanwhile=None):
        """Adds a DIMM of 16 blocks, calls a function with its first and last block, and takes the DIMM out."""
        memory = read_memory(self.guest)
        dimm = self.add("2G")
        self.wait_for_online(before + 16)
        # The kernel misses a request to unplug a DIMM that it is still adding.
        self.guest.wait_for_acceptance(dimm)
        added = read_memory(self.guest).added_to(memory)
        if meanwhile:
            meanwhile(added.blocks[0].index, added.blocks[-1].index)
            # A job that was killed leaves blocks offline, as it was told to.
            self.guest.run(f"{ALL_ONLINE}\nuntil all_online {before + 16}; do {RESCAN} || :; pause 0.5; done")
        self.guest.del_dimm(dimm)
        wait_for_blocks(self.guest, before)

    def add_the_last(self, before):
        memory = read_memory(self.guest)
        self.add("2G")
        self.wait_for_online(before + 16)
        added = read_memory(self.guest).added_to(memory)
        self.assertClasses([block.zone_class for block in added], ["movable"] * 16)


class KilledOften(ComeAndGo):
    """A process of memoryd is killed again and again, while DIMMs come, go offline and online by jobs, and leave."""

    kills = 200

    @classmethod
    def prepare_class(cls):
        # Without this, memoryd waits for up to a minute after each kill but the first ones (class FiftyCrashes).
        cls.guest.write_file("/run/systemd/system/memoryd.service.d/kills.conf",
                             "[Service]\nExecStartPre=+rm -f /run/memoryd/state/crashes\n")
        cls.guest.run("systemctl daemon-reload")
        super().prepare_class()

    def test_no_block_is_lost(self):
        before, adds, codes = self.blocks(), 0, []

        def run_jobs(first, last):
            for verb in ("offline", "online"):
                self.memoryd.wait_ready()
                codes.append(self.guest.call(f"memoryctl {verb} {first}-{last}").code)
        with self.memoryd.failing():
            self.guest.write_file("/run/kills", KILLS)
            killer = self.guest.start(f"count={self.kills} exec chrt --fifo 1 bash /run/kills")
            while not killer.result():
                self.come_and_go(before, run_jobs)
                adds += 1
            self.memoryd.wait_ready()
        main, actuator, busy = killer.wait().stdout.split()
        self.add_the_last(before)
        self.row(f"{main} kills of the main process and {actuator} of the actuator, over {adds} hot-adds of 16 blocks "
                 f"and {len(codes)} jobs", before + 16,
                 f"{busy} kills with blocks offline, {len(codes) - codes.count(0)} jobs not done")


class RestartedOften(ComeAndGo):
    """memoryd is restarted again and again."""

    restarts = 500

    def test_no_block_is_lost(self):
        before, adds, mark = self.blocks(), 0, self.mark()
        restarts = self.guest.start(f"{PAUSE}\nfor ((i = 0; i < {self.restarts}; i++)); do "
                                    "systemctl restart memoryd || exit; pause 0.$((RANDOM % 10)); done")
        while not restarts.result():
            self.come_and_go(before)
            adds += 1
        self.assertEqual(restarts.wait().code, 0)
        self.add_the_last(before)
        self.row(f"{self.restarts} restarts over {adds} hot-adds of 16 blocks", before + 16,
                 lambda: f"no errors, {self.said(mark, 'with signal SIGKILL')} processes that systemd had to kill")
        self.assertNoErrors()


class UpAndDown(FaultCase):
    """A virtio-mem device grows and shrinks, at times before it has all of what it was asked for."""

    hardware = FULL
    times = 100
    minutes = 10
    everyday = False

    def test_virtio_mem(self):
        self.memoryd.use(MOVABLE)
        before, plugged = self.blocks(), 0
        for number in range(self.times):
            count = random.randint(1, 8)
            self.guest.resize_virtio_mem(f"{128 * count}M")
            if number % 4 != 1:
                self._wait(before, count)
                plugged += count
            self.guest.resize_virtio_mem("0")
            if number % 4 != 3:
                self._wait(before, 0)
        self.guest.resize_virtio_mem("1G")
        self._wait(before, 8)
        self.assertNoErrors()
        self.row(f"virtio-mem up and down {self.times} times, at times half way", before + 8,
                 f"{plugged} blocks online before they left, no errors")

    def _wait(self, before, count):
        self.guest.wait_until(lambda: self.guest.virtio_mem_bytes() == count << 27, f"{count} blocks plugged")
        self.wait_for_online(before + count)


# Each of these switches blocks of $first to $last, or all of the dax device, for $seconds seconds, and counts
# how often that succeeded: the others may have been faster.
CHMEM = r"""
while ((SECONDS < $seconds)); do
        block=$((first + RANDOM % (last - first + 1)))
        chmem -b --disable $block 2>/dev/null && count=$((count + 1))
        chmem -b --enable $block 2>/dev/null && count=$((count + 1))
done >/dev/null
"""
SHELL = r"""
cd /sys/devices/system/memory || exit
while ((SECONDS < $seconds)); do
        block=$((first + RANDOM % (last - first + 1)))
        for word in offline online_movable; do
                echo $word 2>/dev/null >memory$block/state && count=$((count + 1))
        done
done 2>/dev/null
"""
DAXCTL = r"""
while ((SECONDS < $seconds)); do
        for verb in offline-memory online-memory; do
                daxctl $verb dax0.0 >/run/daxctl 2>&1 && count=$((count + 1)) || cat /run/daxctl >&2
        done
done
"""


class Everyone(FaultCase):
    """All that can switch blocks does so at once: chmem, a loop of a shell and the guest agent the same blocks
    of a DIMM, daxctl those of its device. The first and the last block of the DIMM keep the movable zone of the
    node around the others."""

    hardware = FULL
    seconds = 60
    minutes = 4
    everyday = False

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.make_dax_device()
        # The dax device belongs to daxctl.
        cls.memoryd.use('leave_delay = "1h";\n'
                        'rules = ( { name = "all"; node = [1, 3]; zone = "movable"; } );\n')
        cls.guest.run("daxctl reconfigure-device --mode=system-ram dax0.0")

    def test_all_at_once(self):
        _, _, added = self.add_dimm(1024, 1)
        first, last = added.blocks[1].index, added.blocks[-2].index
        processes = {name: self.guest.start(f"first={first} last={last} seconds={self.seconds} count=0\n"
                                            f"{script}\necho $count")
                     for name, script in (("chmem", CHMEM), ("a shell", SHELL), ("daxctl", DAXCTL))}
        before, agent = self.blocks(), 0
        dimm = None
        while not all([process.result() for process in processes.values()]):
            for online in (False, True):
                agent += self._ask_agent(random.randint(first, last), online)
            if agent > 20 and not dimm:
                dimm = self.guest.add_dimm("512M", 3)
        counts = {name: int(process.wait().stdout) for name, process in processes.items()}
        self.assertEqual(processes["daxctl"].wait().stderr, "")
        counts["the guest agent"] = agent
        self.assertGreater(min(counts.values()), 20, counts)
        offline = read_memory(self.guest).offline()
        if offline:
            self.guest.set_memory_blocks({block.index: True for block in offline})
        self.row("all at once for a minute, on the same blocks and beside a hot-add", before + 4,
                 "switched by " + ", ".join(f"{name} {count}" for name, count in counts.items()))
        memory = read_memory(self.guest)
        self.assertClasses(memory.classes(1), "M" * 8)
        self.assertClasses(memory.classes(2), "M" * 7)
        self.assertClasses(memory.classes(3), "M" * 4)
        self.assertNoErrors()

    def _ask_agent(self, block, online):
        """Returns whether the agent did it: another program may have been faster."""
        try:
            self.guest.set_memory_blocks({block: online})
        except GuestError:
            return False
        return True
