#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Shows memoryd at work: adds two DIMMs to a node without memory in a Debian guest, then one more
DIMM, which the guest gives back."""

import argparse
import json
import os
import pathlib
import sys
import time

# Python must not write bytecode into the source tree.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import console
import image
import recipe
from guest import Guest, GuestError
from machine import Node, size_bytes
from memory import read_memory, wait_for_blocks, wait_online
from memoryd import Memoryd
from policy import faults
from qmp import QmpError

NODES = (Node("1G", "0"), Node(cpus="1"))
NODE = 1
DIMMS = ("1G", "2G")
DIMM_TIMEOUT = 300

GIVE_BACK_SIZE = "512M"
GIVE_BACK = 'rules = ( { name = "removable"; max_size = "512M"; zone = "movable"; } );\n'

LOOKS = (
    "memoryctl status",
    "memoryctl list -o +GUARDS,STATUS",
    "memoryctl nodes",
    "busctl --no-pager tree org.memoryd1",
    "lsmem -o+NODE,ZONES",
)


def guest_blocks(size, memory):
    return size_bytes(size) // memory.block_bytes


def say(text):
    print(f"\n==> {text}", flush=True)


class Demo:
    """Runs the steps, and collects the faults that they show."""

    def __init__(self, guest):
        self._guest = guest
        self._memoryd = Memoryd(guest)
        self._cursor = ""
        self.faults = []

    def run(self):
        self._wait_for_memoryd()
        before = read_memory(self._guest)
        for size in DIMMS:
            say(f"hot-adding a DIMM of {size} to node {NODE}")
            self._guest.add_dimm(size, NODE)
        blocks = len(before.blocks) + sum(guest_blocks(size, before) for size in DIMMS)
        self._follow(blocks)
        self._look()
        self._check()
        self._give_back()

    def _wait_for_memoryd(self):
        self._memoryd.wait_ready()
        say("memoryd runs; this is what it has said so far:")
        self._print_journal()

    def _follow(self, count):
        """Shows the messages of memoryd until all blocks are online."""
        deadline = time.monotonic() + DIMM_TIMEOUT
        shown = None
        while True:
            memory = read_memory(self._guest)
            online = len(memory.blocks) - len(memory.offline())
            self._print_journal()
            if online != shown:
                print(f"    {online} of {count} blocks online: {memory.classes()}", flush=True)
                shown = online
            if online == count and self._memoryd.get("PendingBlocks") == 0:
                self._print_journal()
                return
            if time.monotonic() > deadline:
                self.faults.append(f"only {online} of {count} blocks online "
                                   f"after {DIMM_TIMEOUT} s")
                return
            time.sleep(0.2)

    def _print_journal(self):
        """Prints the messages of memoryd since the last call."""
        text = self._guest.run("journalctl --no-pager -o short-monotonic --show-cursor "
                               f"-t memoryd {self._cursor}")
        for line in text.splitlines():
            if line.startswith("-- cursor: "):
                self._cursor = f"--after-cursor='{line.removeprefix('-- cursor: ')}'"
            elif not line.startswith("-- "):
                print(f"    {line}", flush=True)

    def _look(self):
        for command in LOOKS:
            say(f"# {command}")
            print(self._guest.run(command).rstrip(), flush=True)

    def _check(self):
        memory = read_memory(self._guest)
        self.faults += faults(memory, cpu_nodes=(0, 1))
        lowest = memory.of(NODE)[0]
        if lowest.zones != ("Normal",):
            self.faults.append(f"the lowest block of node {NODE} is {' '.join(lowest.zones)}")

        say(f"the movable memory of node {NODE}, as three of them say:")
        said = self._movable_bytes()
        for who, movable in said.items():
            print(f"    {movable:12} {who}", flush=True)
        if len(set(said.values())) != 1:
            self.faults.append("they do not say the same")

    def _give_back(self):
        """Adds a DIMM of movable memory, empties it, and pulls it."""
        self._memoryd.use(GIVE_BACK)
        before = read_memory(self._guest)
        say(f"one more DIMM of {GIVE_BACK_SIZE}, that a rule keeps movable as a whole, "
            "and out with it again:")
        dimm = self._guest.add_dimm(GIVE_BACK_SIZE, NODE)
        count = guest_blocks(GIVE_BACK_SIZE, before)
        added = wait_online(self._guest, len(before.blocks) + count).added_to(before)
        device = self._memoryd.listed()[added.blocks[0].index]["device"]
        for command in (f"memoryctl offline --device {device}",
                        f"memoryctl list {added.blocks[0].index}-{added.blocks[-1].index}"):
            say(f"# {command}")
            print(self._guest.run(command).rstrip(), flush=True)
        self._guest.del_dimm(dimm)
        wait_for_blocks(self._guest, len(before.blocks))
        say(f"{dimm} is out.")

    def _movable_bytes(self):
        property_command = (f"busctl get-property org.memoryd1 /org/memoryd1/node/{NODE} "
                            "org.memoryd1.Node MovableBytes")
        rows = json.loads(self._guest.run("memoryctl nodes -J"))["nodes"]
        ranges = json.loads(self._guest.run("lsmem -J -b -o RANGE,SIZE,STATE,NODE,ZONES"))["memory"]
        return {
            property_command: int(self._guest.run(property_command).split()[1]),
            "memoryctl nodes": next(row["movable"] for row in rows if row["node"] == NODE),
            "lsmem": sum(int(row["size"]) for row in ranges
                         if row["node"] == NODE and row["zones"] == "Movable"),
        }


def sit_down(guest):
    """Joins the terminal to the guest's console."""
    def add():
        return f"{guest.add_dimm('1G', NODE)}: 1 GiB added to node {NODE}"

    say("you are root in the guest. Ctrl-A X ends it, Ctrl-A D adds a DIMM of 1 GiB to "
        f"node {NODE}.\n    Try: memoryctl; memoryctl list -a; journalctl -f -u memoryd &")
    console.attach(guest.console_path, {b"d": add})


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--destdir", default=os.environ.get("MEMORYD_VM_DESTDIR"),
                        help="where 'make install DESTDIR=…' put memoryd, built for the kernel's suite")
    parser.add_argument("--kernel", choices=list(recipe.kernels()), default="6.12")
    parser.add_argument("--shell", action="store_true", help="then stay in the guest")
    parser.add_argument("--print-suite", action="store_true",
                        help="only print the suite of Debian that the guest would have")
    arguments = parser.parse_args()
    if not arguments.destdir and not arguments.print_suite:
        parser.error("--destdir is needed")
    if arguments.shell and not sys.stdin.isatty():
        parser.error("--shell needs a terminal")
    return arguments


def main():
    arguments = parse_arguments()
    suite = recipe.kernels()[arguments.kernel]
    if arguments.print_suite:
        print(suite)
        return
    try:
        guest_image = image.ensure(suite, arguments.destdir, say)
        version = guest_image.kernels[arguments.kernel].image.name.removeprefix("vmlinuz-")
        say(f"booting {recipe.SUITES[suite].release} with Linux {version}: node 0 has a processor and "
            f"{NODES[0].memory} of memory,\n    node {NODE} has a processor and none "
            "(half a minute)")
        with Guest(guest_image, arguments.kernel, nodes=NODES, name="demo",
                   arguments="guest.shell" if arguments.shell else "") as guest:
            demo = Demo(guest)
            demo.run()
            report(demo.faults)
            if arguments.shell:
                sit_down(guest)
    except (image.ImageError, GuestError, QmpError) as error:
        sys.exit(f"demo: {error}")
    sys.exit(1 if demo.faults else 0)


def report(found):
    if found:
        say("NOT as the policy says:")
        print(*(f"    {fault}" for fault in found), sep="\n", flush=True)
    else:
        say("all blocks are online, the lowest of the node for the kernel, "
            "movable memory within three times the kernel's.")


if __name__ == "__main__":
    main()
