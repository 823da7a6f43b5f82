# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The base class of the tests of faults: each notes a row of the table that tests/report.py prints."""

import json

from case import GuestCase
from guest import GuestError
from memory import read_memory, wait_for_blocks
from memoryd import NAME, PATH

INJECT = "/sys/kernel/debug/notifier-error-inject/memory/actions"

# All memory that is added can leave again.
MOVABLE = 'rules = ( { name = "movable"; zone = "movable"; } );\n'

RESCAN = f"busctl call {NAME} {PATH} {NAME}.Manager RescanAll"

# A pause in a script that starts no process for it.
PAUSE = 'pause() { read -rt "$1" <> <(:) || :; }\n'

# Whether there are $1 blocks, all of them online.
ALL_ONLINE = PAUSE + r"""
cd /sys/devices/system/memory
all_online() {
        local count=$1 block state
        set -- memory[0-9]*
        [ $# = $count ] || return
        for block; do
                read -r state 2>/dev/null <$block/state && [ $state = online ] || return
        done
}
"""

# Has the kernel refuse to online blocks, and to take them offline, for 30 % of the time, at random, with one
# error and with the other.
REFUSE = (PAUSE + r"""
while :; do
        for error in -12 -16; do
                echo $error >INJECT/MEM_GOING_ONLINE/error
                echo $error >INJECT/MEM_GOING_OFFLINE/error
                pause 0.$((RANDOM % 6 + 1))
                echo 0 >INJECT/MEM_GOING_ONLINE/error
                echo 0 >INJECT/MEM_GOING_OFFLINE/error
                pause 0.$((RANDOM % 10 + 6))
        done
done
""").replace("INJECT", INJECT)

NO_ERRORS = f"echo 0 >{INJECT}/MEM_GOING_ONLINE/error; echo 0 >{INJECT}/MEM_GOING_OFFLINE/error"


class FaultCase(GuestCase):
    """Adds DIMMs to nodes 1 and 2 while something goes wrong."""

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls._nodes = 0

    def add(self, size="256M"):
        """Adds a DIMM to one node and then to the other. Returns its id."""
        type(self)._nodes += 1
        return self.guest.add_dimm(size, 1 + self._nodes % 2)

    def said(self, since, pattern):
        """Returns how many messages with this pattern memoryd has logged since mark()."""
        return int(self.guest.run(f"journalctl --sync; journalctl --no-pager -o cat -u memoryd --after-cursor "
                                  f"'{since}' | grep -cE '{pattern}' || :"))

    def warned(self, since):
        """Returns how many warnings and errors memoryd has logged since mark(), and the last of them."""
        said = self.guest.run(f"journalctl --sync; journalctl --no-pager -o cat -u memoryd -p warning "
                              f"_COMM=memoryd --after-cursor '{since}' || :").splitlines()
        return f"{len(said)} warnings, the last: {said[-1].replace(';', ',')}" if said else "no warning"

    def mark(self):
        return self.guest.run("journalctl -n 1 --show-cursor | sed -n 's/^-- cursor: //p'").strip()

    def _debug(self):
        self.guest.run("busctl set-property org.memoryd1 /org/freedesktop/LogControl1 "
                       "org.freedesktop.LogControl1 LogLevel s debug")

    def row(self, tried, blocks, said):
        """Waits until this many blocks are there and online, and memoryd has nothing left to do, and notes the
        row of the table. `said` may be a function. tests/report.py prints each note on a line of its own."""
        lost, wrong = [], []

        def is_right():
            memory, rows, pending = self.memoryd.beside_kernel()
            lost[:] = [block.index for block in memory.offline()]
            wrong[:] = self._block_faults()
            return len(memory.blocks) == blocks and not lost and not wrong and not pending
        self.memoryd.wait_ready()
        try:
            self.guest.wait_until(is_right, f"{blocks} blocks, all as memoryd wants them")
        except GuestError:
            pass
        if callable(said):
            said = said()
        count = len(read_memory(self.guest).blocks)
        self.note(f"{tried}: lost {len(lost) + max(blocks - count, 0)}, wrong {len(wrong)} ({said})")
        with self.never_again():
            self.assertEqual((count, lost, wrong), (blocks, [], []), self.notes[-1])
        self.assertModel()
        self.assertEqual(len(self.memoryd.processes()), 2)

    def blocks(self):
        return len(read_memory(self.guest).blocks)

    def wait_for_online(self, blocks):
        """Waits until there are so many blocks, all of them online. A shell of the guest waits: to ask again and
        again would keep its processors from all else."""
        self.guest.run(f"{ALL_ONLINE}\nuntil all_online {blocks}; do pause 0.1; done")

    # Steps of several classes

    def inject_errors(self):
        """Lets the files below INJECT make the kernel refuse."""
        self.guest.run("modprobe memory-notifier-error-inject; mountpoint -q /sys/kernel/debug || "
                       "mount -t debugfs none /sys/kernel/debug")

    def inject(self, adds, jobs):
        """Adds DIMMs, and takes each offline and brings it back by jobs, while the kernel refuses 30 %."""
        self.inject_errors()
        self.memoryd.use(MOVABLE + "retry = { delay = \"100ms\"; attempts = 100; };\n")
        self._debug()
        mark, memory = self.mark(), read_memory(self.guest)
        before = len(memory.blocks)
        refuse = self.guest.start(REFUSE)
        results = []
        for number in range(adds):
            dimm = self.add("128M")
            self.wait_for_online(before + 1)
            if number >= adds - jobs and len(results) < jobs:
                block, = read_memory(self.guest).added_to(memory)
                for verb in ("offline", "online"):
                    result = self.guest.call(f"memoryctl --json {verb} {block.index}")
                    # There is nothing to online after an offline that failed.
                    if result.stdout:
                        results.append((json.loads(result.stdout), result.code))
                # A job that failed to online the block leaves it offline.
                self.guest.run(RESCAN)
                self.wait_for_online(before + 1)
            # A slot for the next: there are 32. The kernel itself must not be refused.
            refuse.signal("STOP")
            self.guest.run(NO_ERRORS)
            self.guest.del_dimm(dimm)
            wait_for_blocks(self.guest, before)
            refuse.signal("CONT")
        self.add("128M")
        self.wait_for_online(before + 1)
        refuse.signal("KILL")
        refuse.wait()
        self.guest.run(NO_ERRORS)
        self.row(f"{adds + 1} hot-adds and {len(results)} jobs while the kernel refuses with ENOMEM or EBUSY for 30 % "
                 "of the time", before + 1,
                 lambda: f"{self.said(mark, 'Cannot online memory')} refused writes named, "
                         f"{sum(code != 0 for _, code in results)} jobs ended with a reason")
        for report, code in results:
            self.assertTrue(code == 0 or report["failures"], report)
