#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Runs memoryctl --sysroot and tests/dumps/record on recorded and made trees, and compares with lsmem.

Environment: srcdir (.), MEMORYCTL (./memoryctl). Neither program reads this machine's own memory.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import xml.etree.ElementTree

import made_trees
from made_trees import MIB, Run

SRCDIR = pathlib.Path(os.environ.get("srcdir", ".")).resolve()
MEMORYCTL = str(pathlib.Path(os.environ.get("MEMORYCTL", "./memoryctl")).resolve())
DUMPS = sorted((SRCDIR / "tests/dumps").glob("*.tar.xz"))
MEMORY = "sys/devices/system/memory"
# The tests make and remove thousands of small files: in memory, if /dev/shm is writable.
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
COLUMNS = "RANGE,STATE,NODE,ZONES"
ENVIRONMENT = {key: value for key, value in os.environ.items()
               if key not in ("COLUMNS", "NO_COLOR")} | {
    # The tests in C look for the leaks of each verb, and make fuzz for those of reading a tree. Here, this would
    # take a third of the time.
    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0",
    # memoryctl must not ask a daemon: there is no bus at this address.
    "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus", "LC_ALL": "C.UTF-8"}
if SCRATCH:
    ENVIRONMENT["TMPDIR"] = SCRATCH


def run(*words, **options):
    return subprocess.run([str(word) for word in words], text=True, capture_output=True, check=False,
                          timeout=120, env=ENVIRONMENT, **options)


class TreeCase(unittest.TestCase):
    """A test with a folder for trees, and with functions that run memoryctl on them."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(dir=SCRATCH)))

    def made(self, name, *arguments, **options):
        """Returns the path of a made tree: a tree of made_trees.TREES, or with arguments a tree of
        made_trees.make()."""
        if arguments:
            made_trees.make(self.folder / name, *arguments, **options)
        else:
            made_trees.make_named(self.folder / name, name)
        return self.folder / name

    def trees(self):
        """Returns the paths of all trees. Tests share these trees and must not change them."""
        for name in made_trees.TREES:
            if not (COMMON / name).exists():
                made_trees.make_named(COMMON / name, name)
        for path in DUMPS:
            if not (COMMON / path.name.removesuffix(".tar.xz")).exists():
                with tarfile.open(path) as archive:
                    archive.extractall(COMMON)
        return sorted(COMMON.iterdir())

    def ctl(self, root, *words, code=0, err=None):
        result = run(MEMORYCTL, "--sysroot", root, *words)
        self.assertEqual(result.returncode, code, result.stderr)
        if err is not None:
            self.assertEqual(result.stderr.splitlines(),
                             [f"memoryctl: {line}" for line in err])
        return result.stdout

    def ctl_json(self, root, *words):
        return json.loads(self.ctl(root, *words, "-J"))

    def list(self, root, *words):
        return self.ctl_json(root, "list", "-o", COLUMNS, *words)["memory"]


def has_lsmem():
    return shutil.which("lsmem") is not None


def lsmem(root, *words):
    result = run("lsmem", "-J", "-o", COLUMNS, "-s", root, *words)
    return json.loads(result.stdout)["memory"] if result.returncode == 0 else None


def files_zones(root, row, block_size):
    """Returns the ZONES of a range's first block, read from the file of that block."""
    number = int(row["range"].split("-")[0], 16) // block_size
    path = root / MEMORY / f"memory{number}/valid_zones"
    words = {"none": "None", "HighMem": "Highmem"}
    text = path.read_text().split() if path.exists() else []
    return "/".join(words.get(word, word) for word in text) or None


@unittest.skipUnless(has_lsmem(), "there is no lsmem")
class AsLsmem(TreeCase):
    """Range, state, node and zones are the same as in lsmem."""

    def check_rows(self, root, *words):
        ours, theirs = self.list(root, *words), lsmem(root, *words)
        block_size = int((root / MEMORY / "block_size_bytes").read_text(), 16)
        if not any(row["zones"] for row in theirs) and not (root / MEMORY / "memory0").exists():
            # lsmem up to 2.41 looks for memory0/valid_zones, even if the first block has another number.
            for row in theirs:
                row["zones"] = files_zones(root, row, block_size)
        for row in theirs:
            row["state"] = {"on->off": "going-offline"}.get(row["state"], row["state"])
        self.assertGreater(len(ours), 0)
        for our, their in zip(ours, theirs):
            for key in ("range", "state", "node", "zones"):
                self.assertEqual(our[key], their[key], (key, our, their))
        self.assertEqual(len(ours), len(theirs))

    def test_each_block(self):
        for root in self.trees():
            with self.subTest(tree=root.name):
                self.check_rows(root, "-a")

    def test_ranges(self):
        for root in self.trees():
            with self.subTest(tree=root.name):
                if root.name != "arm64-high":
                    self.check_rows(root)

    def test_ranges_of_memory_without_a_block_0(self):
        """lsmem would merge these ranges, because it cannot tell them apart."""
        rows = self.list(self.made("arm64-high"))
        self.assertEqual([(row["range"].split("-")[0], row["zones"]) for row in rows], [
            ("0x0000040000000000", "DMA"), ("0x0000040100000000", "Normal"),
            ("0x0000041000000000", "Movable"), ("0x0000041080000000", "Normal/Movable")])

    def test_ranges_are_split_by_the_columns_shown(self):
        for columns in "STATE", "NODE", "ZONES", "STATE,NODE", "NODE,ZONES":
            for root in self.trees():
                with self.subTest(tree=root.name):
                    if root.name == "arm64-high" and "ZONES" in columns:
                        continue
                    ours = json.loads(self.ctl(root, "list", "-J", "-o", f"RANGE,{columns}"))
                    theirs = json.loads(run("lsmem", "-J", "-s", root, "-o", f"RANGE,{columns}",
                                            "-S", columns).stdout)
                    self.assertEqual([row["range"] for row in ours["memory"]],
                                     [row["range"] for row in theirs["memory"]], columns)

    def test_odd_blocks(self):
        root = self.made("odd", 128 * MIB, [
            Run(0, 0, "online", "Normal", (0,)), Run(1, 1, "on", "Normal", (0,)),
            Run(2, 2, None, "Normal", (0,)), Run(3, 3, "online", "Movable Foo", (0,)),
            Run(4, 4, "offline", "", (0,)), Run(5, 5, "offline", "Movable", ()),
            Run(6, 6, "offline", None, (0,)), Run(7, 7, "online", "HighMem", (1,))])
        self.check_rows(root, "-a")

    def test_totals(self):
        for root in self.trees():
            with self.subTest(tree=root.name):
                if root.name in ("x86-two-nodes", "x86-two-sockets"):
                    continue # lsmem counts a block in the state going-offline as offline
                ours, theirs = self.ctl(root, "list", "-b"), run("lsmem", "-b", "-s", root).stdout
                self.assertEqual(ours.split("\n\n")[1].split(), theirs.split("\n\n")[1].split())


class WhatIsOdd(TreeCase):
    """memoryctl names each odd file, and shows the rest."""

    def test_attributes_of_blocks(self):
        root = self.made("odd", 128 * MIB, [
            Run(0, 0, "online", "Normal", (0,)), Run(1, 1, "on\tline", "Normal", (0,)),
            Run(2, 2, None, "Normal", (0,)), Run(3, 3, "online", "Movable Foo", (0,)),
            Run(4, 4, "offline", "", (0,)), Run(5, 5, "offline", "Movable", ()),
            Run(6, 6, "offline", None, (0,)), Run(7, 7, "x" * 5000, "Movable", (0,))])
        states = "expected online, offline or going-offline"
        zones = "expected names of zones, or none"
        out = self.ctl(root, "list", "-n", "-a", "-o", "BLOCK,STATE,NODE,ZONES", err=[
            f"{root}/{MEMORY}/memory1/state: 'on?line', {states}",
            f"{root}/{MEMORY}/memory2/state: missing, {states}",
            f"{root}/{MEMORY}/memory3/valid_zones: 'Movable Foo', {zones}",
            f"{root}/{MEMORY}/memory4/valid_zones: '', {zones}",
            f"{root}/{MEMORY}/memory7/state: File too large, {states}",
            f"{root}/{MEMORY}/memory5/nodeM: missing, expected a link to the block's node",
            f"{root}/{MEMORY}/memory6/valid_zones: missing, {zones}"])
        self.assertEqual([line.split() for line in out.splitlines()], [
            ["0", "online", "0", "Normal"], ["1", "?", "0", "Normal"], ["2", "?", "0", "Normal"],
            ["3", "online", "0", "Movable/Unknown"], ["4", "offline", "0"],
            ["5", "offline", "-1", "Movable"], ["6", "offline", "0"], ["7", "?", "0", "Movable"]])
        self.assertIn("0 K??O.|.?", self.ctl(root, "map").splitlines())

    def test_a_hundred_of_a_kind_are_named(self):
        root = self.made("odd", 128 * MIB, [Run(0, 249, "on", "Normal")])
        self.ctl(root, "list")
        lines = run(MEMORYCTL, "-s", root, "list").stderr.splitlines()
        self.assertEqual(len(lines), 101)
        self.assertIn("/memory99/state: 'on'", lines[99])
        self.assertTrue(lines[100].endswith("memoryN/state: 150 more blocks like these"))

    def test_what_no_block_has_is_no_fault(self):
        self.ctl(self.made("no-zones"), "list", err=[])
        self.ctl(self.made("ppc64-lmb"), "map", err=[])

    def test_nodes_and_zones(self):
        root = self.made("x86-two-nodes")
        node = "sys/devices/system/node"
        (root / node / "has_cpu").unlink()
        (root / node / "node1/distance").write_text("20 10\n")
        (root / node / "node2/distance").write_text("20 20 0\n")
        (root / "proc").mkdir()
        self.ctl(root, "list", err=[])
        out = self.ctl(root, "nodes", "-o", "NODE,CPU,FREE,DISTANCES", "-J", err=[
            f"{root}/{node}/node1/distance: '20 10', expected a distance, not 0, for each node",
            f"{root}/{node}/node2/distance: '20 20 0', expected a distance, not 0, for each node",
            f"{root}/{node}/has_cpu: missing, expected the nodes that have a CPU",
            f"{root}/proc/zoneinfo: missing, expected the zones of each node"])
        self.assertEqual(json.loads(out)["nodes"][:2], [
            {"node": 0, "cpu": None, "free": None, "distances": [
                {"node": 0, "distance": 10}, {"node": 1, "distance": 20}, {"node": 2, "distance": 20}]},
            {"node": 1, "cpu": None, "free": None, "distances": []}])

    def test_performance_of_nodes(self):
        root = self.made("x86-two-nodes")
        folder = root / "sys/devices/system/node/node1/access0/initiators"
        folder.mkdir(parents=True)
        for name, text in {"read_bandwidth": "10240\n", "write_bandwidth": "0\n",
                           "read_latency": "-5\n"}.items():
            (folder / name).write_text(text)
        out = self.ctl(root, "nodes", "-J", "-o",
                       "NODE,READ_BANDWIDTH,WRITE_BANDWIDTH,READ_LATENCY,WRITE_LATENCY", err=[
                           f"{folder}/read_latency: '-5', expected a whole number, 0 if it is not known",
                           f"{root}/proc/zoneinfo: missing, expected the zones of each node"])
        self.assertEqual(json.loads(out)["nodes"][:2], [
            {"node": 0, "read_bandwidth": None, "write_bandwidth": None, "read_latency": None,
             "write_latency": None},
            {"node": 1, "read_bandwidth": 10240, "write_bandwidth": None, "read_latency": None,
             "write_latency": None}])

    def test_tiers_of_nodes(self):
        root = self.made("x86-two-nodes")
        for tier, nodes in ("4", "0,2"), ("22", "1"):
            folder = root / f"sys/devices/virtual/memory_tiering/memory_tier{tier}"
            folder.mkdir(parents=True)
            (folder / "nodelist").write_text(f"{nodes}\n")
        rows = self.ctl_json(root, "nodes", "-o", "NODE,TIER")["nodes"]
        self.assertEqual([row["tier"] for row in rows[:3]], [4, 22, 4])

    def test_a_device_asks_no_daemon(self):
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
        self.addCleanup(os.environ.pop, "DBUS_SYSTEM_BUS_ADDRESS")
        told = self.ctl(self.made("x86-two-sockets"), "devices", "PNP0C80:00", err=[])
        self.assertIn("PNP0C80:00", told)

    def test_cxl_region_and_memory_devices_of_a_dax_device(self):
        tree = self.made("s390x-standby")
        (tree / "proc").mkdir(exist_ok=True)
        (tree / "proc/iomem").write_text(
            "00000000-ffffffff : System RAM\n"
            "100000000-2ffffffff : region0\n"
            "  100000000-2ffffffff : dax0.0\n"
            "    100000000-2ffffffff : System RAM (kmem)\n")
        root = "devices/platform/ACPI0017:00/root0"
        links = {"bus/dax/devices/dax0.0": f"../../../{root}/decoder0.0/region0/dax_region0/dax0.0"}
        for endpoint, memdev in (2, 3), (3, 1):
            port = f"{root}/port1/endpoint{endpoint}"
            links[f"bus/cxl/devices/decoder{endpoint}.0"] = f"../../../{port}/decoder{endpoint}.0"
            links[f"{port}/uport"] = f"../../../../../pci0000:0c/0000:0c:00.0/mem{memdev}"
            region = tree / "sys" / port / f"decoder{endpoint}.0/region"
            region.parent.mkdir(parents=True)
            region.write_text("region0\n")
        for name, target in links.items():
            (tree / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / "sys" / name).symlink_to(target)
        rows = self.ctl_json(tree, "list", "-o", "DEVICE,CXL_REGION,CXL_MEMDEVS")["memory"]
        self.assertEqual([tuple(row.values()) for row in rows], [
            (None, None, None), ("dax0.0", "region0", "mem1 mem3")])

    def test_files_about_cpus(self):
        root = self.made("x86-two-nodes")
        node = root / "sys/devices/system/node"
        files = {"has_cpu": "0-\n", "node0/cpulist": "all\n", "node0/cpumap": "",
                 "node1/cpulist": "4-7\n", "node2/cpulist": "", "node2/cpumap": "00000000,00000f00\n"}
        for name, text in files.items():
            (node / name).write_text(text)
        (root / "proc").mkdir()
        (root / "proc/zoneinfo").write_text("")
        out = self.ctl(root, "nodes", "-o", "NODE,CPU", "-J", err=[
            f"{node}/has_cpu: '0-', expected a list of nodes, such as 0,2-3",
            f"{node}/node0/cpulist: 'all', expected a list of CPUs, such as 0-3,8"])
        self.assertEqual([row["cpu"] for row in json.loads(out)["nodes"]], [False, True, True])

        # The files of the nodes are enough, and before late 2016 the list ends in a NUL byte.
        (node / "node0/cpulist").write_text("0-3\n")
        (node / "has_cpu").write_bytes(b"0-7\n\0")
        self.ctl(root, "nodes", err=[])
        (node / "has_cpu").unlink()
        out = self.ctl(root, "nodes", "-o", "NODE,CPU", "-J", err=[])
        self.assertEqual([row["cpu"] for row in json.loads(out)["nodes"]], [True, True, True])

    def test_the_zone_of_an_online_block_comes_first(self):
        rows = self.ctl_json(self.made("old-zones"), "list", "-a", "-o", "BLOCK,CLASS")["memory"]
        self.assertEqual([row["class"] for row in rows[7:]], ["kernel", "kernel", "movable", "none"])

    def test_links_lead_nowhere_and_pipes_do_not_hold_up(self):
        root = self.made("links", 128 * MIB, [Run(0, 3, "online", "Normal", (0,))])
        (root / "secret").write_text("offline\n")
        block = root / MEMORY / "memory1"
        (block / "state").unlink()
        os.symlink("../../../../../secret", block / "state")
        os.mkfifo(root / MEMORY / "memory2/new")
        (root / MEMORY / "memory2/new").replace(root / MEMORY / "memory2/state")
        shutil.rmtree(root / MEMORY / "memory3")
        os.symlink("memory0", root / MEMORY / "memory3")
        rows = self.list(root, "-a")
        self.assertEqual([row["state"] for row in rows], ["online", "?", "?", "?"])


class WhatIsNoTree(TreeCase):
    """memoryctl says in one line why it cannot show the tree, and the exit status is 1."""

    def test_no_folder(self):
        self.ctl("/nonexistent", "list", code=1,
                 err=["cannot open '/nonexistent': No such file or directory"])

    def test_no_memory(self):
        for verb in "list", "nodes", "zones", "map":
            self.ctl(self.folder, verb, code=1, err=[
                f"{self.folder}/{MEMORY}: missing, expected the folder of the memory blocks",
                f"there is no machine to show in '{self.folder}'"])

    def test_no_blocks(self):
        root = self.made("empty", 128 * MIB, [])
        self.ctl(root, "map", code=1, err=[
            f"{root}/{MEMORY}/memoryN: missing, expected a folder for each block",
            f"there is no machine to show in '{root}'"])

    def test_no_block_size(self):
        root = self.made("sizeless", 128 * MIB, [Run(0, 1, "online", "Normal")])
        for text, told in ("12345678", "'12345678'"), (None, "missing"):
            path = root / MEMORY / "block_size_bytes"
            path.unlink()
            made_trees.write(path, text)
            self.ctl(root, "list", code=1, err=[
                f"{root}/{MEMORY}/block_size_bytes: {told}, expected a power of two in hexadecimal "
                "without 0x", f"there is no machine to show in '{root}'"])


class Picture(TreeCase):
    """The map agrees with the list, and fits the terminal."""

    def check_cells(self, root):
        rows = self.ctl_json(root, "list", "-a", "-o", "BLOCK,NODE,STATE,CLASS")["memory"]
        cells = self.ctl_json(root, "map")
        count = {}
        for node in cells["nodes"]:
            self.assertEqual(sum(sum(cell["blocks"].values()) for cell in node["cells"]),
                             sum(node["blocks"].values()))
            for name, blocks in node["blocks"].items():
                count[name] = count.get(name, 0) + blocks
            for cell in node["cells"]:
                self.assertEqual(cell["first"] // cells["blocks_per_cell"],
                                 cell["last"] // cells["blocks_per_cell"])
        self.assertEqual(count, cells["blocks"])
        self.assertEqual(sum(count.values()), len(rows))
        for name in "kernel", "movable":
            self.assertEqual(count.get(name, 0), sum(
                row["class"] == name and row["state"] == "online" for row in rows))

    def test_cells_are_the_blocks(self):
        for root in self.trees():
            with self.subTest(tree=root.name):
                self.check_cells(root)

    def test_it_fits_the_width(self):
        for root in self.trees():
            with self.subTest(tree=root.name):
                lines = self.ctl(root, "map").splitlines()
                self.assertLessEqual(max(map(len, lines)), 80)
                self.assertLessEqual(len(lines), 20 + 8 * 5 + 14)

    def test_facts_of_machine_and_nodes(self):
        self.assertEqual(
            re.sub("drawn .*?\n.*UTC", "drawn DATE", self.ctl(self.made("x86-two-sockets"), "map")).split("\n\n"), [
                "db7.example.org: Recorded machine, Linux 6.12.0, x86-64, drawn DATE\n"
                "policy: movable memory at most 3.00 times kernel memory, of the machine and of\n"
                "  each node with a CPU; at least a block of kernel memory per node; 1 rule;\n"
                "  from /etc/memoryd/memoryd.conf\n"
                "machine: kernel 144G, movable 356G, offline 10G, going-offline 2G\n"
                "  [KKKKKK:MMMMMMMMMMMMMMMMMM]  movable/kernel 2.49, limit 3.00",
                "node 0: kernel 80G, movable 176G\n"
                "  CPU, distance 21 to node 1\n"
                "  [KKKKKK:KMMMMMMMMMMMMMMMMM]  movable/kernel 2.20, limit 3.00\n"
                "  devices: boot 0-32, PNP0C80:00 (dimm) 65-96, PNP0C80:03 (dimm) 161-192,\n"
                "  PNP0C80:04 (dimm) 193-224\n"
                f"  0 K|{'K' * 31}|{'M' * 32}|{'M' * 9}\n"
                f"170 {'M' * 23}{'K' * 8}{'M' * 24}",
                "node 1: kernel 64G, movable 180G, offline 10G, going-offline 2G\n"
                "  CPU, distance 21 to node 0\n"
                "  [KKKKKK:MMMMMMMMMMMMMMMMMM]  movable/kernel 2.84, limit 3.00\n"
                "  devices: boot 33-64, PNP0C80:01 (dimm) 97-128, PNP0C80:02 (dimm) 129-160,\n"
                "  PNP0C80:05 (dimm) 225-256\n"
                f" 33 {'K' * 32}|{'M' * 43}\n"
                f"140 {'M' * 21}|{'M' * 26}g.....",
                "A cell is a block, 2G.\n"
                "K kernel 144G   M movable 356G   . offline 10G   g going-offline 2G   | hole\n"
                "  : least kernel memory\n"])
        parts = self.ctl(self.made("arm64-accelerator"), "map").split("\n\n")
        self.assertEqual(parts[3], "nodes 2-33: no memory, no CPU")
        self.assertTrue(parts[1].startswith("node 0: kernel 478G\n  CPU, distance 40 to node 1, 80 to nodes 2-33\n"))

    def test_a_policy_with_faults_is_not_known(self):
        root = self.made("x86-guest")
        config = root / "etc/memoryd/memoryd.conf"
        config.write_text("max_movable_ratio = -1.0;\n")
        result = run(MEMORYCTL, "--sysroot", root, "map")
        self.assertIn("policy: not known, because its configuration has faults\n", result.stdout)
        self.assertIn(f"memoryctl: {config}:1: 'max_movable_ratio'", result.stderr)
        self.assertNotIn("limit", result.stdout)
        config.unlink()
        self.assertIn("policy: not recorded\n", self.ctl(root, "map", err=[]))

    def test_a_cell_of_many_blocks(self):
        root = self.made("many-blocks")
        cells = self.ctl_json(root, "map")
        self.assertEqual(cells["blocks_per_cell"], 4)
        mixed = [cell for cell in cells["nodes"][0]["cells"] if cell["first"] == 1500]
        self.assertEqual(mixed[0]["blocks"], {"movable": 1, "kernel": 3})
        self.assertEqual(mixed[0]["class"], "kernel")
        # A single block in trouble must be visible among thousands.
        (root / MEMORY / "memory1501/state").write_text("?\n")
        self.assertIn("?", self.ctl(root, "map").split("\n\n")[1].split("\n", 1)[1])

    def test_holes(self):
        lines = self.ctl(self.made("ppc64-lmb"), "map").split("\n\n")[1].splitlines()
        self.assertEqual(lines[0], "node 0: kernel 4.3G, movable 512M, offline 64M")
        self.assertEqual("".join(line[5:] for line in lines if line[4] == " " and line[:4].strip().isdigit()),
                         "K" * 256 + "|" + "M" * 32 + "...." + "|" + "K" * 16)

    def test_each_picture_is_xml(self):
        for root in self.trees():
            with self.subTest(tree=root.name):
                path = self.folder / "map.svg"
                self.assertEqual(self.ctl(root, "map", "--svg", path), "")
                svg = xml.etree.ElementTree.parse(path).getroot()
                spaces = {"svg": "http://www.w3.org/2000/svg"}
                self.assertEqual(svg.tag, "{http://www.w3.org/2000/svg}svg")
                self.assertTrue(svg.find("svg:title", spaces).text.startswith("Memory of "))
                said = svg.find("svg:desc", spaces).text
                for node in self.ctl_json(root, "map")["nodes"]:
                    self.assertIn(f"Node {node['node']}: ", said)

    def test_a_path_is_escaped(self):
        root = self.folder / "a<b>&\"'\x01\u00e4"
        made_trees.make_named(root, "ppc64-lmb")
        self.ctl(root, "map", "--svg", self.folder / "map.svg")
        svg = xml.etree.ElementTree.parse(self.folder / "map.svg").getroot()
        self.assertEqual(svg[0].text, "Memory of a<b>&\"'???")

    def test_colours_are_for_terminals(self):
        root = self.made("ppc64-lmb")
        self.assertNotIn("\033", self.ctl(root, "map"))
        if not shutil.which("script"):
            self.skipTest("there is no script(1)")
        for setting, colored in ("TERM=xterm", True), ("NO_COLOR=1", False), ("TERM=dumb", False):
            out = run("script", "-qec", f"env {setting} {MEMORYCTL} -s {root} map", "/dev/null",
                      stdin=subprocess.DEVNULL).stdout
            self.assertIn("4.3G", out)
            self.assertEqual("\033[34mK" in out, colored, setting)


class Plan(TreeCase):
    """memoryctl plan on a recorded machine, with a given configuration and never with this machine's."""

    def setUp(self):
        super().setUp()
        self.config = self.folder / "plan.conf"
        self.config.write_text("")

    def plan(self, root, *words):
        return self.ctl_json(root, "plan", "--config", self.config, *words)["plan"]

    def refusal(self, root, *words):
        """Returns the last line of the error message."""
        result = run(MEMORYCTL, "--sysroot", root, "plan", *words)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        return result.stderr.splitlines()[-1]

    def test_what_is_offline_is_decided(self):
        rows = self.plan(self.made("s390x-standby"))
        self.assertEqual([(row["block"], row["state"], row["decision"], row["size"])
                          for row in rows], [("16-47", "offline", "movable", 8 * 1024 * MIB)])

    def test_what_stays_is_shown_if_asked_for(self):
        rows = self.plan(self.made("s390x-standby"), "-a")
        self.assertEqual([(row["block"], row["decision"], row["reason"]) for row in rows][:1],
                         [("0-15", "none", "online already, and stays so")])
        self.assertEqual(len(rows), 2)

    def test_additions_are_planned_one_after_another(self):
        rows = self.plan(self.made("s390x-standby"), "--add=4G@0:kmem", "--add", "1G@1",
                         "-o", "BLOCK,SIZE,NODE,ORIGIN,STATE,DECISION,GUARDS")
        self.assertEqual([tuple(row.values()) for row in rows[1:]], [
            (None, None, None, 4096 * MIB, 0, "kmem", "absent", "movable", None),
            (None, None, None, 1024 * MIB, 1, "dimm", "absent", "kernel", "min_kernel whole_device")])

    def table(self, root, *words):
        """Returns the lines of the table with one blank between words, and the lines below it."""
        result = run(MEMORYCTL, "--sysroot", root, "plan", "--config", self.config, *words)
        lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
        end = lines.index("") if "" in lines else len(lines)
        return lines[:end], lines[end + 1:]

    def test_a_burst_of_equal_units_is_one_line_and_has_totals(self):
        self.config.write_text('rules = ({ name = "all"; zone = "movable"; });\n')
        root = self.made("s390x-standby")
        words = [*["--add=1G@0"] * 32, "--add=2G@0", "--add=1G@1", "-o", "SIZE,BLOCK,NODE,DECISION"]
        self.assertEqual(self.table(root, *words), ([
            "SIZE BLOCK NODE DECISION",
            "8G 16-47 0 movable",
            "32G 0 movable, 32 units of 1G",
            "2G 0 movable",
            "1G 1 movable"], [
            "Becomes movable: 43G",
            "Becomes kernel memory: 0B",
            "Stays offline: 0B",
            f"Configuration: {self.config} alone, without the installed files (--with-drop-in takes both)"]))
        self.assertEqual(len(self.plan(root, *words)), 35)

    def test_what_is_left_alone_stays_offline(self):
        self.config.write_text('rules = ({ name = "all"; zone = "leave"; });\n')
        self.assertEqual(self.table(self.made("s390x-standby"), "--add=512M@0")[1][:3], [
            "Becomes movable: 0B", "Becomes kernel memory: 0B", "Stays offline: 8.5G"])

    def test_nothing_to_decide_is_said(self):
        self.assertEqual(self.table(self.made("x86-big-blocks"), "-o", "BLOCK"), (
            ["Nothing to decide.",
             f"Configuration: {self.config} alone, without the installed files (--with-drop-in takes both)"],
            []))

    def test_decisions_that_alternate_are_one_line(self):
        # The movable memory reaches its limit, then each device needs a block of kernel memory.
        words = ["--add=4G@0", *["--add=1G@0:virtio-mem"] * 4, "--add=512M@0:virtio-mem",
                 "-o", "SIZE,DECISION"]
        root = self.made("s390x-standby")
        rows = self.plan(root, *words)[2:]
        self.assertEqual([tuple(row.values()) for row in rows],
                         [(256 * MIB, "kernel"), (768 * MIB, "movable")] * 4 +
                         [(256 * MIB, "kernel"), (256 * MIB, "movable")])
        result = run(MEMORYCTL, "--sysroot", root, "plan", "--config", self.config, "-n", *words)
        self.assertEqual([line.split(maxsplit=1) for line in result.stdout.splitlines()[2:]],
                         [["4.5G", "1 kernel, 3 movable, repeated"]])

    def test_the_configuration_decides(self):
        self.config.write_text('# one\nrules = ({ name = "all"; zone = "leave"; });\n')
        rows = self.plan(self.made("s390x-standby"), "--add=256M@0", "-o", "BLOCK,RULE,REASON")
        self.assertEqual([tuple(row.values()) for row in rows], [
            (*block, "all", f"left alone (rule 'all', {self.config}:2)")
            for block in (("16-47", 16, 47), (None, None, None))])

    def test_memory_of_an_accelerator_is_what_a_rule_for_its_driver_says(self):
        tree = self.made("s390x-standby")
        (tree / "proc").mkdir(exist_ok=True)
        (tree / "proc/iomem").write_text(
            "00000000-ffffffff : System RAM\n"
            "100000000-2ffffffff : 0009:01:00.0\n"
            "  100000000-2ffffffff : System RAM (NVIDIA)\n")
        self.config.write_text('rules = ({ driver = "NV*"; name = "gpu"; zone = "movable"; });\n')
        rows = self.plan(tree, "-o", "BLOCK,DEVICE,ORIGIN,DECISION,RULE")
        self.assertEqual([tuple(row.values()) for row in rows], [
            ("16-47", 16, 47, "0009:01:00.0", "driver", "movable", "gpu")])

    def test_faults_are_named(self):
        tree = self.made("s390x-standby")
        self.config.write_text("settle = true;\n")
        self.assertRegex(self.refusal(tree, "--config", self.config),
                         f"^memoryctl: {self.config}:1: 'settle': expected ")
        self.assertEqual(self.refusal(tree, "--config", self.folder / "no.conf"),
                         f"memoryctl: {self.folder}/no.conf: expected a readable file, got "
                         '"No such file or directory"')

    def test_memory_that_makes_no_sense_is_named(self):
        tree = self.made("s390x-standby")
        for text, expected in (
                ("128M@0", "a size that is a multiple of the block size, and not zero"),
                ("256M", "SIZE@NODE[:ORIGIN], for example 16G@1:virtio-mem"),
                ("256M@0:boot", "dimm, virtio-mem, kmem, balloon, standby, driver or unknown after the "
                 "':'")):
            self.assertEqual(self.refusal(tree, "--config", self.config, "--add", text),
                             f"memoryctl: --add '{text}': expected {expected}; blocks are of 256M")

    def test_what_is_not_known_is_told(self):
        tree = self.made("s390x-standby")
        (tree / "proc").mkdir()
        told = {"uname": 'the architecture is not known: use --architecture, or put the output of '
                         f'"uname -a" into {tree}/uname',
                "virtualization": "the virtualization is not known: use --virtualization, or put the "
                                  f"output of systemd-detect-virt into {tree}/virtualization",
                "proc/iomem": "it is not known which drivers added memory: put /proc/iomem, as root "
                              f"reads it, into {tree}/proc/iomem"}

        def assert_told(names, *words):
            err = run(MEMORYCTL, "-s", tree, "plan", "--config", self.config, *words).stderr
            self.assertEqual([line for line in err.splitlines() if "known" in line],
                             [f"memoryctl: {told[name]}" for name in names])

        assert_told(["uname", "virtualization", "proc/iomem"])
        assert_told(["virtualization", "proc/iomem"], "--architecture=s390x")
        assert_told(["uname", "proc/iomem"], "--virtualization=zvm")
        (tree / "uname").write_text("Linux sh4 4.15.0 #1 SMP Sat Mar 17 2018 s390x GNU/Linux\n")
        (tree / "virtualization").write_text("zvm\n")
        hidden = "00000000-00000000 : System RAM\n"
        (tree / "proc/iomem").write_text(hidden)
        assert_told(["proc/iomem"])
        (tree / "proc/iomem").write_text("00000000-ffffffff : System RAM\n")
        assert_told([])

    def test_the_architecture_may_be_given(self):
        """Standby memory has no mark of its own: on s390 all memory that came later is standby."""
        tree = self.made("s390x-standby")
        self.config.write_text('rules = ({ name = "standby"; origin = "standby"; zone = "leave"; },'
                               ' { name = "vm"; virtualization = "vm"; zone = "kernel"; });\n')

        def decisions(*words):
            return [row["decision"] for row in self.plan(tree, *words)]

        self.assertEqual(decisions(), ["movable"])
        self.assertEqual(decisions("--virtualization=kvm"), ["kernel"])
        self.assertEqual(decisions("--architecture=s390x", "--virtualization=kvm"), ["leave"])
        (tree / "uname").write_text("6.12.1 s390x\n")
        self.assertEqual(decisions(), ["leave"])
        # The option counts, and not the file.
        self.assertEqual(decisions("--architecture=x86-64"), ["movable"])

    def test_all_trees_can_be_planned(self):
        for tree in self.trees():
            with self.subTest(tree=tree.name):
                offline = sum(row["size"] for row in self.ctl_json(tree, "list")["memory"]
                              if row["state"] == "offline")
                planned = sum(row["size"] for row in self.plan(tree, "-a")
                              if row["state"] == "offline")
                self.assertEqual(planned, offline)


class Recorder(TreeCase):
    """tests/dumps/record on trees. tests/dumps has its results on machines."""

    def record(self, *words, code=0):
        result = run("sh", SRCDIR / "tests/dumps/record", *words, cwd=self.folder)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def test_a_record_shows_what_the_tree_does(self):
        for root in self.trees():
            with self.subTest(tree=root.name):
                if root.name == "many-blocks":
                    continue
                self.record("--sysroot", root, "again")
                with tarfile.open(self.folder / "again.tar.xz") as archive:
                    archive.extractall(self.folder)
                again = self.folder / "again"
                # The recording does not keep the order of a folder, and of two nodes the first counts.
                if "two-nodes" not in root.name:
                    for verb in ("list", "-a"), ("nodes",), ("zones",), ("map",):
                        self.assertEqual(self.ctl_json(again, *verb), self.ctl_json(root, *verb))
                shutil.rmtree(again)

    def test_a_record_has_the_performance_of_nodes(self):
        root = self.made("x86-two-nodes")
        folder = "sys/devices/system/node/node1/access0/initiators"
        (root / folder).mkdir(parents=True)
        (root / folder / "read_latency").write_text("350\n")
        self.record("--sysroot", root, "again")
        with tarfile.open(self.folder / "again.tar.xz") as archive:
            self.assertEqual(archive.extractfile(f"again/{folder}/read_latency").read(), b"350\n")

    def test_a_record_has_the_names_of_tiers_and_no_nodelist(self):
        root = self.made("x86-two-nodes")
        folder = "sys/devices/virtual/memory_tiering/memory_tier4"
        (root / folder).mkdir(parents=True)
        (root / folder / "nodelist").write_text("0-2\n")
        self.record("--sysroot", root, "again")
        with tarfile.open(self.folder / "again.tar.xz") as archive:
            self.assertEqual([name for name in archive.getnames() if "memory_tier4" in name],
                             [f"again/{folder}"])
            archive.extractall(self.folder)
        rows = self.ctl_json(self.folder / "again", "nodes", "-o", "NODE,TIER")["nodes"]
        self.assertEqual({row["tier"] for row in rows}, {4})

    def test_zones_of_a_block_without_a_node_are_not_read(self):
        root = self.made("fresh", 128 * MIB, [Run(0, 1, "online", "Normal", (0,)),
                                              Run(2, 2, "offline", "Normal", ())],
                         node_folder=True)
        self.record("--sysroot", root, "again")
        with tarfile.open(self.folder / "again.tar.xz") as archive:
            names = archive.getnames()
            notes = archive.extractfile("again/notes").read().decode()
        self.assertIn(f"again/{MEMORY}/memory1/valid_zones", names)
        self.assertIn(f"again/{MEMORY}/memory2/state", names)
        self.assertNotIn(f"again/{MEMORY}/memory2/valid_zones", names)
        self.assertEqual(notes, f"{MEMORY}/memory2: has no node, valid_zones was not read\n")

    def test_bad_usage(self):
        for words in (["a/b"], ["-x"], [".."], ["a", "b"]):
            self.record(*words, code=2)
        self.assertIn("has no memory blocks", self.record("--sysroot", self.folder, code=1).stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_records_of_machines_are_small_and_of_nobody(self):
        self.assertGreaterEqual(len(DUMPS), 4)
        for path in DUMPS:
            self.assertLess(path.stat().st_size, 16 << 10, path)
            with tarfile.open(path) as archive:
                for member in archive:
                    self.assertEqual((member.uname, member.gname, member.uid, member.mtime),
                                     ("", "", 0, 0), member.name)
                    if member.name.endswith("proc/iomem"):
                        text = archive.extractfile(member).read().decode()
                        self.assertIn("System RAM", text)
                        self.assertNotIn("Kernel", text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=SCRATCH) as common:
        COMMON = pathlib.Path(common)
        unittest.main()
