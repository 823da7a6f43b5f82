#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Measures how long a hot-added DIMM takes to come online: by memoryd, by the kernel itself, and by a
udev rule. offload.py measures DIMMs that memoryd has the kernel online.

All measurements run in one guest and in turn, because only then are times comparable. The DIMM is taken
out after each measurement, so that the next one finds the same machine. The time is counted from the
kernel's first `add` event to its last `online` event, stamped in the guest."""

import argparse
import pathlib
import statistics
import sys
import threading
import time

# Python must not write bytecode into the source tree.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vm"))

# pylint: disable=wrong-import-position
import image
import recipe
from guest import Guest, GuestError
from machine import Node
from memory import read_memory
from memoryd import Memoryd
from qmp import QmpError

# Boot memory must be small, so that blocks have 128 MiB: with 64 GiB the kernel uses larger blocks. It
# must be enough for the description of 160 GiB, which takes a 64th of that. The kernel knows an empty
# node only if it is the last one.
NODES = (Node("5G", "0-1"), Node())
NODE = 1
MAX_MEMORY = "400G"
TIMEOUT = 900

# Limits of the figures, from the design.
SMALL_GIB, SMALL_RATIO = 8, 1.10
LARGE_GIB, LARGE_RATIO = 64, 0.5
GROWTH = 1.25
# The methods whose times are compared in the ratio.
PAIR = ("memoryd", "auto-online")

FOLDER = "/sys/devices/system/memory"
RULE = "/run/udev/rules.d/80-bench.rules"
CONF = "/etc/memoryd/memoryd.conf.d/bench.conf"
WORDS = {"movable": "online_movable", "kernel": "online_kernel"}
# Settings of memoryd besides the rule, for each method that uses memoryd.
SETTINGS = {"memoryd": "", "offload": 'offload = "uniform";\n'}
# Takes the node's highest blocks offline. The kernel gives up on a page that is in use for a moment, so
# the script tries again.
TAKE_OFFLINE = """
cd /sys/devices/system/node/node{node}
for block in $(ls -d memory[0-9]* | sort -V | tail -n {count}); do
        until echo offline >$block/state; do sleep 0.1; done
done 2>/dev/null
"""

# The order of the raw writer. This one costs the kernel least.
RAW_ORDER = "down"


class Bench:
    """A guest, and the steps of a measurement in it."""

    def __init__(self, guest, programs, zone_class):
        self._guest = guest
        self._word = WORDS[zone_class]
        self._programs = programs
        self._zone_class = zone_class
        self._memoryd = Memoryd(guest)
        self._block_bytes = 0
        self.since_command = 0  # seconds until the last DIMM was online, as seen from outside the guest

    def prepare(self, base_gib):
        """Copies the programs to the guest, and adds the memory that the node has to have before."""
        self._guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")
        for name in ("stamp", "order"):
            self._guest.write_file(f"/root/{name}", (self._programs / name).read_bytes())
            self._guest.run(f"chmod 755 /root/{name}")
        self._block_bytes = read_memory(self._guest).block_bytes
        self._set_method("auto-online")
        if base_gib:
            self._add(f"{base_gib}G", self.blocks(base_gib))

    def blocks(self, gib):
        return (gib << 30) // self._block_bytes

    def measure(self, method, gib):
        """Adds a DIMM and takes it out again. Returns the seconds to its last block and to its first."""
        dimm, first, last = self.plug(method, gib)
        self.unplug(dimm, gib)
        return last, first

    def plug(self, method, gib):
        """Adds a DIMM. Returns its id, and the seconds to its first block and to its last."""
        count = self.blocks(gib)
        self._set_method(method)
        extra = ""
        if method == "raw":
            # The raw writer has the priority that the unit of memoryd sets.
            extra = f"nice -n -10 /root/order {NODE} {self._word} {RAW_ORDER} {count}"
        return self._add(f"{gib}G", count, extra)

    def unplug(self, dimm, gib):
        self._set_method("nobody")
        self._guest.run(TAKE_OFFLINE.format(node=NODE, count=self.blocks(gib)), timeout=TIMEOUT)
        self._guest.del_dimm(dimm, TIMEOUT)
        self._guest.check_console()

    def _set_method(self, method):
        auto = self._word if method == "auto-online" else "offline"
        rule = f'SUBSYSTEM=="memory", ACTION=="add", ATTR{{state}}=="offline", ' \
               f'ATTR{{state}}="{self._word}"\n'
        self._guest.run("systemctl stop memoryd")
        self._guest.run(f"echo {auto} >{FOLDER}/auto_online_blocks; rm -f {RULE}")
        if method == "udev rule":
            self._guest.write_file(RULE, rule)
        self._guest.run("udevadm control --reload; udevadm settle")
        if method in SETTINGS:
            rules = f'({{ name = "bench"; node = "{NODE}"; zone = "{self._zone_class}"; }})'
            self._guest.write_file(CONF, f"rules = {rules};\n{SETTINGS[method]}")
            self._guest.run("systemctl start memoryd")
            self._memoryd.wait_ready()
        # Gives everything that these commands started the time to end.
        time.sleep(1)

    def _add(self, size, count, extra=""):
        """Adds a DIMM and waits until it is online. Returns its id, and the seconds to its first block
        and to its last."""
        answer = []

        def stamp():
            command = f"/root/stamp {count}"
            if extra:
                command = f"{extra} >/dev/null & {command}; wait"
            answer.append(self._guest.call(command, timeout=TIMEOUT))

        watch = threading.Thread(target=stamp)
        watch.start()
        time.sleep(1)
        started = time.monotonic()
        dimm = self._guest.add_dimm(size, NODE)
        watch.join()
        self.since_command = time.monotonic() - started
        if not answer:
            raise GuestError(f"{size} did not come online in {TIMEOUT} s")
        if answer[0].code != 0:
            raise GuestError(f"stamp: {answer[0].stderr.strip()}")
        added, online, _, first, last = map(int, answer[0].stdout.split())
        if (added, online) != (count, count):
            raise GuestError(f"{size}: {added} blocks added and {online} online, expected {count}")
        self._guest.run("udevadm control --start-exec-queue; udevadm settle", timeout=TIMEOUT)
        return dimm, first / 1e9, last / 1e9


def run(guest_image, arguments, base_gib):
    """Returns the seconds of each round, and the blocks of each size."""
    with Guest(guest_image, arguments.kernel, nodes=NODES, max_memory=MAX_MEMORY,
               name="bench") as guest:
        bench = Bench(guest, arguments.programs, arguments.zone_class)
        bench.prepare(base_gib)
        return measure_rounds(bench, arguments)


def measure_rounds(bench, arguments):
    """Returns the seconds of each round, by size and method, and the number of blocks of each size."""
    seconds = {}
    for size in arguments.sizes:
        for number in range(arguments.rounds):
            # No method is always the first.
            shift = number % len(arguments.methods)
            for method in arguments.methods[shift:] + arguments.methods[:shift]:
                taken, first = bench.measure(method, size)
                seconds.setdefault((size, method), []).append(taken)
                print(f"    {size} GiB, round {number + 1}, {method}: {taken:.2f} s, the first "
                      f"block after {first:.2f} s; {bench.since_command:.2f} s since the command",
                      flush=True)
    return seconds, {size: bench.blocks(size) for size in arguments.sizes}


def print_table(arguments, seconds, blocks, pair=PAIR):
    """Prints medians side by side: seconds, milliseconds per block, and the ratio of a pair of
    methods."""
    print(f"{'':>8} {'':>6}" + "".join(f" {method:>20}" for method in arguments.methods)
          + f" {'/'.join(pair):>20}")
    print(f"{'size':>8} {'blocks':>6}" + f" {'s':>10} {'ms/block':>9}" * len(arguments.methods))
    for size in arguments.sizes:
        line = f"{size:>4} GiB {blocks[size]:>6}"
        for method in arguments.methods:
            median = statistics.median(seconds[size, method])
            line += f" {median:>10.2f} {median / blocks[size] * 1000:>9.2f}"
        ratio = ratio_of(seconds, size, pair)
        print(line + (f" {ratio:>20.2f}" if ratio else ""))


def ratio_of(seconds, size, pair=PAIR):
    """Returns the median over the rounds of the ratio of the first method's time to the second's, or None
    if they were not measured."""
    ours, others = (seconds.get((size, method)) for method in pair)
    if not ours or not others:
        return None
    return statistics.median(our / other for our, other in zip(ours, others))


def print_verdicts(arguments, seconds, blocks, base_gib):
    """Prints which limits of the design hold."""
    for size in arguments.sizes:
        ratio = ratio_of(seconds, size)
        if ratio is None:
            return
        if size <= SMALL_GIB:
            say(ratio <= SMALL_RATIO, f"{size} GiB within {SMALL_RATIO:.2f} of auto-online's time: "
                f"{ratio:.2f}")
        if size >= LARGE_GIB and not base_gib:
            say(ratio < LARGE_RATIO, f"{size} GiB under {LARGE_RATIO:.2f} of auto-online's time: "
                f"{ratio:.2f}")
    each = [statistics.median(seconds[size, "memoryd"]) / blocks[size] * 1000
            for size in arguments.sizes]
    if len(each) < 2:
        return
    say(each[-1] <= GROWTH * each[0], f"time per block does not grow: {each[0]:.2f} ms at "
        f"{arguments.sizes[0]} GiB, {each[-1]:.2f} ms at {arguments.sizes[-1]} GiB")


def say(holds, text):
    print(f"    {'holds' if holds else 'DOES NOT HOLD'}: {text}")


def make_parser(description, sizes):
    """Returns a parser for the options of each measurement of DIMMs. `sizes` is the default of
    --sizes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--destdir", required=True,
                        help="where 'make install DESTDIR=…' put memoryd")
    parser.add_argument("--programs", required=True, type=pathlib.Path,
                        help="the folder that stamp and order were built in")
    parser.add_argument("--sizes", type=numbers, default=sizes, help="GiB (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    return parser


def parse_arguments():
    parser = make_parser(__doc__, "8,16,32,64,128")
    parser.add_argument("--kernel", choices=list(recipe.kernels()), default="6.1")
    parser.add_argument("--bases", type=numbers, default="0,32",
                        help="GiB that the node has before (%(default)s)")
    parser.add_argument("--zone-class", choices=list(WORDS), default="movable")
    parser.add_argument("--methods", type=lambda text: text.split(","),
                        default="memoryd,auto-online,udev rule",
                        help="(%(default)s); also offload, on a kernel that can; "
                             "and raw: a bare loop of writes")
    return parser.parse_args()


def numbers(text):
    return sorted(int(word) for word in text.split(","))


def main():
    arguments = parse_arguments()
    try:
        guest_image = image.ensure(recipe.kernels()[arguments.kernel], arguments.destdir, print)
        for base_gib in arguments.bases:
            what = f"{base_gib} GiB of movable memory" if base_gib else "no memory"
            print(f"Linux {arguments.kernel}, DIMMs for a CPU-less node that has {what}, "
                  f"as {arguments.zone_class} memory, {arguments.rounds} rounds:", flush=True)
            seconds, blocks = run(guest_image, arguments, base_gib)
            print_table(arguments, seconds, blocks)
            print_verdicts(arguments, seconds, blocks, base_gib)
    except (image.ImageError, GuestError, QmpError) as error:
        sys.exit(f"online: {error}")


if __name__ == "__main__":
    main()
