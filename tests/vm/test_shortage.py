# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A node runs short of kernel memory while its movable memory is free."""

import json

from case import GuestCase, kernel_matters
from memory import read_memory
from memoryd import NAME, PATH

MESSAGE_SHORT = "b33b5fab10184b99b9a4d2f7efaf6cc4"

# Fills the kernel memory of node 0 with buffers of pipes, which are never movable, until less than the
# low watermarks is free, and keeps it so. Below the min watermarks the kernel would kill processes, this
# one first.
FILL = r"""
use strict; use warnings; use Fcntl; use Time::HiRes qw(sleep);
open(my $score, '>', '/proc/self/oom_score_adj') or die; print $score 1000; close $score;
sub measure {
        my ($free, $min, $low, $node, $normal, @zones) = (0) x 5;
        open(my $file, '<', '/proc/zoneinfo') or die;
        while (<$file>) {
                if (/^Node (\d+), zone +(\S+)/) {
                        $node = $1;
                        push @zones, { name => $2 } if $node == 0;
                        next;
                }
                next if $node != 0;
                my $z = $zones[-1];
                if (/^ +pages free +(\d+)/) { $z->{free} = $1 }
                elsif (/^ +(min|low|nr_free_cma) +(\d+)/) { $z->{$1} //= $2 }
                elsif (/protection: \((.*)\)/) { $z->{held} = [split /, /, $1] }
        }
        for (0 .. $#zones) { $normal = $_ if $zones[$_]{name} eq 'Normal' }
        for my $z (@zones) {
                next unless $z->{name} =~ /^(DMA|DMA32|Normal)$/;
                my $own = $z->{free} - ($z->{nr_free_cma} // 0) - $z->{held}[$normal];
                $free += $own if $own > 0;
                $min += $z->{min} // 0; $low += $z->{low} // 0;
        }
        return ($free, $min, $low);
}
my (@pipes, $writer);
sub fill {
        my ($bytes) = @_;
        if (!$writer || !defined(syswrite($writer, 'x' x $bytes))) {
                pipe(my $reader, $writer) or die "pipe: $!";
                fcntl($writer, 1031, 1 << 20) or die "F_SETPIPE_SZ: $!";
                fcntl($writer, F_SETFL, O_NONBLOCK) or die;
                push @pipes, $reader, $writer;
        }
}
while (1) {
        my ($free, $min, $low) = measure();
        if ($free > $low + 4096) { fill(1 << 18) for 1 .. 8 }
        elsif ($free > ($low + $min) / 2) { fill(1 << 14) for 1 .. 4 }
        else { sleep 0.1 }
}
"""


def fill(guest):
    """Starts to fill the kernel memory. /root/fill.pid has the process id. The watermarks are set far
    apart, because the kernel takes thousands of free pages at a time for a processor, from one zone and
    then from another. With close watermarks, free memory could jump from above low to where the filling
    stops, and no task would have to wait."""
    guest.run("echo 1000 >/proc/sys/vm/watermark_scale_factor")
    guest.write_file("/root/fill.pl", FILL)
    guest.run("ulimit -n 65536; setsid perl /root/fill.pl >/root/fill.log 2>&1 </dev/null & "
              "echo $! >/root/fill.pid")


@kernel_matters("it says in its own words when memory is short")
class Shortage(GuestCase):
    """A node with 1 GiB of kernel memory and 1 GiB of movable memory."""

    def _messages(self):
        return [(entry["MEMORYD_NODE"], entry["MESSAGE"])
                for entry in self.memoryd.journal(f"MESSAGE_ID={MESSAGE_SHORT}")]

    def test_memoryd_says_once_that_a_node_is_short(self):
        self.add_dimm(1024, 0)
        self.assertEqual(json.loads(self.guest.run(
            f"busctl --json=short call {NAME} {PATH} {NAME}.Manager Verify"))["data"], [[]])
        self.assertEqual(self._messages(), [])
        self.assertFalse(self.memoryd.node(0, "KernelMemoryShort"))

        fill(self.guest)
        try:
            # The test only reads the journal, because a client that asks memoryd for zones makes
            # memoryd read them.
            self.guest.wait_until(self._messages, "a message about the shortage")
            self.assertTrue(self.memoryd.node(0, "KernelMemoryShort"))
            self.assertTrue(self.memoryd.get("Degraded"))
            self.assertIn("short of kernel memory: node 0", self.memoryd.show("StatusText"))
        finally:
            self.guest.run("kill $(cat /root/fill.pid)", check=False)
        self.guest.wait_until(lambda: not self.memoryd.node(0, "KernelMemoryShort"),
                              "the shortage over")
        self.assertFalse(self.memoryd.get("Degraded"))
        (node, message), = self._messages()
        self.assertEqual(node, "0")
        self.note(message)


class Rebalance(GuestCase):
    """A node with 1 GiB of kernel memory and 1 GiB of movable memory, and the setting rebalance."""

    def test_a_node_that_is_short_gets_kernel_memory(self):
        self.memoryd.use("rebalance = true;\n")
        self.add_dimm(1024, 0)
        before = read_memory(self.guest).bytes(0, "kernel")
        fill(self.guest)
        try:
            self.guest.wait_until(lambda: read_memory(self.guest).bytes(0, "kernel") > before,
                                  "more kernel memory")
        finally:
            self.guest.run("kill $(cat /root/fill.pid)", check=False)
        self.guest.wait_until(lambda: not self.memoryd.node(0, "KernelMemoryShort"),
                              "the shortage over")
        self.assertNoErrors()
