#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Checks the pictures of memoryctl map --svg by their geometry: no text overlaps another or is cut off, boxes hold
what is in them, colours can be told apart, and the size is bounded.

Environment: srcdir (.), MEMORYCTL (./memoryctl). Texts are measured in the monospaced fonts of this machine, as the
programs that draw SVG do. With PICTURES=DIR, the pictures stay there.
"""

import functools
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import made_trees
from made_trees import MIB, Run

try:
    from fontTools.pens.boundsPen import BoundsPen
    from fontTools.ttLib import TTFont
except ImportError:
    print("check_picture: there is no fontTools (python3-fonttools) to measure texts with")
    sys.exit(77)

SRCDIR = pathlib.Path(os.environ.get("srcdir", ".")).resolve()
MEMORYCTL = str(pathlib.Path(os.environ.get("MEMORYCTL", "./memoryctl")).resolve())
MOCK = pathlib.Path("tests/ctl/mock_memoryd").resolve()
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SVG = "{http://www.w3.org/2000/svg}"
SIZE_MAX = 200 << 10

# A border of one unit is drawn half inside and half outside a box.
EDGE = 0.5


# Fonts

class Font:
    """Measures texts in a font, in thousandths of its size."""

    def __init__(self, path):
        font = TTFont(path, fontNumber=0, lazy=False)
        self.scale = 1000 / font["head"].unitsPerEm
        self.names = font.getBestCmap()
        self.advances = font["hmtx"]
        self.glyphs = font.getGlyphSet()

    @functools.lru_cache(maxsize=None)
    def character(self, character):
        """Returns the width of a character, its lowest and its highest point."""
        name = self.names[ord(character)]
        pen = BoundsPen(self.glyphs)
        self.glyphs[name].draw(pen)
        low, high = (pen.bounds[1], pen.bounds[3]) if pen.bounds else (0, 0)
        return self.advances[name][0] * self.scale, low * self.scale, high * self.scale


@functools.lru_cache(maxsize=None)
def fonts():
    """Returns the monospaced fonts of this machine that have all characters of ASCII."""
    paths = subprocess.run(["fc-list", ":spacing=100:lang=en", "file"], check=True, text=True,
                           capture_output=True).stdout.replace(": ", "").split("\n")
    found = [Font(path) for path in sorted(filter(None, paths))]
    return [font for font in found if set(range(32, 127)) <= set(font.names)]


def text_extent(text, size):
    """Returns the largest width of a text, its lowest and its highest point in any of the fonts."""
    extents = []
    for font in fonts():
        characters = [font.character(character) for character in text]
        extents.append((sum(width for width, _, _ in characters), min(low for _, low, _ in characters),
                        max(high for _, _, high in characters)))
    widths, lows, highs = zip(*extents)
    return max(widths) * size / 1000, min(lows) * size / 1000, max(highs) * size / 1000


# Geometry

class Box:
    """A rectangle, or a line without a width or height."""

    def __init__(self, left, top, right, bottom, what):
        self.left, self.top, self.right, self.bottom, self.what = left, top, right, bottom, what

    def touches(self, other, slack=0.0):
        return (self.left < other.right - slack and other.left < self.right - slack and
                self.top < other.bottom - slack and other.top < self.bottom - slack)

    def crosses(self, other):
        """Like touches(), but a line has an inside as well."""
        return (self.left <= other.right and other.left <= self.right and
                self.top <= other.bottom and other.top <= self.bottom)

    def holds(self, other, border=0.0):
        return (self.left + border <= other.left and other.right <= self.right - border and
                self.top + border <= other.top and other.bottom <= self.bottom - border)

    def __str__(self):
        return f"{self.what} ({self.left:g},{self.top:g} to {self.right:g},{self.bottom:g})"


def number(element, name):
    return float(element.get(name))


def text_box(element, inherited):
    """Returns the box of what is seen of a text: a tooltip in it does not count."""
    title = element.find(f"{SVG}title")
    text = element.text if title is None else title.tail
    width, low, high = text_extent(text, float(inherited["font-size"]))
    x, y = number(element, "x"), number(element, "y")
    left = x - width * {"start": 0, "middle": 0.5, "end": 1}[inherited["text-anchor"]]
    return Box(left, y - high, left + width, y - low, f"text '{text}'")


def path_lines(element):
    """Yields the lines of a path of horizontal and vertical lines."""
    x = y = 0.0
    for command, arguments in re.findall(r"([A-Za-z])([-\d. ]*)", element.get("d")):
        values = [float(value) for value in arguments.split()]
        if command in "Mm":
            x, y = values if command == "M" else (x + values[0], y + values[1])
            continue
        if command not in "hv":
            raise ValueError(f"a path with {command}: {element.get('d')}")
        end_x, end_y = (x + values[0], y) if command == "h" else (x, y + values[0])
        yield Box(min(x, end_x), min(y, end_y), max(x, end_x), max(y, end_y), "line")
        x, y = end_x, end_y


class Picture:
    """The shapes of a picture, with their places."""

    def __init__(self, text):
        self.root = ElementTree.fromstring(text)
        left, top, width, height = map(float, self.root.get("viewBox").split())
        self.frame = Box(left, top, left + width, top + height, "picture")
        self.texts, self.boxes, self.lines = [], [], []
        self.fills, self.inks = {}, {}
        self.collect(self.root, {"font-size": "16", "text-anchor": "start", "ink": ("#000000", None)})

    def collect(self, element, inherited):
        inherited = inherited | {key: element.get(key) for key in inherited if element.get(key)}
        if element.get("fill"):
            inherited["ink"] = element.get("fill"), element.get("class")
        if element.tag == f"{SVG}text":
            self.texts.append(text_box(element, inherited))
            self.inks[self.texts[-1]] = inherited["ink"]
        elif element.tag == f"{SVG}rect" and element.get("width") != "100%":
            x, y = number(element, "x"), number(element, "y")
            self.boxes.append(Box(x, y, x + number(element, "width"), y + number(element, "height"), "box"))
            self.fills[self.boxes[-1]] = (element.get("fill"), element.get("class"))
        elif element.tag == f"{SVG}path":
            self.lines += path_lines(element)
        for child in element:
            if child.tag != f"{SVG}defs":
                self.collect(child, inherited)


def close_pairs(shapes, others=None):
    """Yields pairs of shapes whose heights overlap."""
    if others is None:
        ordered = sorted(shapes, key=lambda shape: shape.top)
        for i, shape in enumerate(ordered):
            for other in itertools.takewhile(lambda other, end=shape.bottom: other.top < end, ordered[i + 1:]):
                yield shape, other
        return
    ordered = sorted(others, key=lambda shape: shape.top)
    for shape in shapes:
        for other in ordered:
            if other.top > shape.bottom:
                break
            if other.bottom >= shape.top:
                yield shape, other


def find_faults(picture):
    """Yields what is wrong with the places of a picture."""
    for shape in picture.texts + picture.boxes + picture.lines:
        if not picture.frame.holds(shape):
            yield f"{shape} leaves the picture"
    for one, other in close_pairs(picture.texts):
        if one.touches(other):
            yield f"{one} overlaps {other}"
    for text, box in close_pairs(picture.texts, picture.boxes):
        if text.touches(box) and not box.holds(text, EDGE):
            yield f"{text} leaves its {box}"
    for text, line in close_pairs(picture.texts, picture.lines):
        if text.crosses(line):
            yield f"{text} is crossed by {line}"
    for one, other in close_pairs(picture.boxes):
        if one.touches(other):
            yield f"{one} overlaps {other}"
        if (one.top == other.top and one.bottom == other.bottom and
                (one.right == other.left or other.right == one.left) and picture.fills[one] == picture.fills[other]):
            yield f"{one} and {other} are alike and could be one"


# Colours

def luminance(color):
    """Returns the relative luminance of a colour, as WCAG 2 defines it."""
    channels = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


class Colors:
    """The colours of a picture on a light or a dark screen."""

    def __init__(self, picture, is_dark):
        style = picture.root.find(f"{SVG}style").text
        self.classes = dict(re.findall(r"\.(\w+)\{fill:(#\w{6})\}", style)) if is_dark else {}
        self.patterns = {pattern.get("id"): pattern for pattern in picture.root.iter(f"{SVG}pattern")}
        self.page = self.classes.get("paper", "#ffffff")

    def pattern(self, fill):
        return self.patterns[fill[5:-1]] if fill.startswith("url(#") else None

    def color(self, fill, name):
        """Returns what a fill and the class of its element come to, without the lines of a hatch."""
        pattern = self.pattern(fill)
        if pattern is not None:
            below = pattern.find(f"{SVG}rect")
            fill, name = below.get("fill"), below.get("class")
        return self.classes.get(name, fill)

    def hatch(self, fill):
        pattern = self.pattern(fill)
        return None if pattern is None else pattern.find(f"{SVG}path").get("d")


def find_color_faults(picture):
    """Yields texts that are hard to read on what is below them, in light and dark pictures, and kinds of memory
    that look alike in grey."""
    for is_dark in False, True:
        colors = Colors(picture, is_dark)
        for text in picture.texts:
            ink, below = colors.color(*picture.inks[text]), colors.page
            for box in picture.boxes:
                if box.holds(text):
                    below = colors.color(*picture.fills[box])
            if contrast(ink, below) < 4.5:
                yield f"{text} is {ink} on {below}{' in the dark' if is_dark else ''}"
        for one, other in itertools.combinations(sorted(set(picture.fills.values()), key=str), 2):
            if (colors.hatch(one[0]) == colors.hatch(other[0]) and
                    contrast(colors.color(*one), colors.color(*other)) < 1.5):
                yield f"{one[0]} looks like {other[0]} in grey{' in the dark' if is_dark else ''}"


# Pictures

def run_memoryctl(*words, session=()):
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")} | {
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0", "LC_ALL": "C.UTF-8",
        "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus", "SOURCE_DATE_EPOCH": "1700000000"}
    result = subprocess.run([*session, MEMORYCTL, *map(str, words)], check=False, timeout=600, env=environment,
                            text=True, capture_output=True)
    if result.returncode != 0:
        raise AssertionError(f"{words}: {result.stdout}{result.stderr}")


class PictureCase(unittest.TestCase):
    """A test with a folder for trees and pictures."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(dir=SCRATCH)))

    def made(self, name, *arguments, **options):
        if arguments:
            made_trees.make(self.folder / name, *arguments, **options)
        else:
            made_trees.make_named(self.folder / name, name)
        return self.folder / name

    def draw(self, root, *words):
        """Returns the text of the picture of a tree."""
        path = self.folder / f"{root.name}{''.join(words)}.svg"
        run_memoryctl("--sysroot", root, "map", "--svg", path, *words)
        if os.environ.get("PICTURES"):
            shutil.copy(path, os.environ["PICTURES"])
        return path.read_text(encoding="ascii")

    def check(self, text):
        picture = Picture(text)
        self.assertEqual(list(find_faults(picture)), [])
        self.assertEqual(list(find_color_faults(picture)), [])
        return picture

    def check_uncut(self, text):
        """Like check(), and no text was shortened to make it fit."""
        self.assertEqual([text.what for text in self.check(text).texts if "..." in text.what], [])


class Places(PictureCase):
    """Nothing in a picture is in the way of anything else."""

    def test_fonts(self):
        self.assertGreater(len(fonts()), 0)

    def test_made_machines(self):
        for name in made_trees.TREES:
            with self.subTest(tree=name):
                self.made(name)
                self.check(self.draw(self.folder / name, "--bytes"))
                self.check_uncut(self.draw(self.folder / name))

    def test_recorded_machines(self):
        for path in sorted((SRCDIR / "tests/dumps").glob("*.tar.xz")):
            with self.subTest(tree=path.name), tarfile.open(path) as archive:
                archive.extractall(self.folder)
                self.check_uncut(self.draw(self.folder / path.name.removesuffix(".tar.xz")))

    def test_long_names_and_many_nodes(self):
        """Names are as long as they can be, and there are a device in each block, large addresses and all zones."""
        first = (1 << 52) // (128 * MIB) - 4096
        runs = [Run(first + 8 * node + i, first + 8 * node + i, state, zones, (node,))
                for node in range(40) for i, (state, zones) in enumerate((
                    ("online", "Normal"), ("offline", "Normal Movable"), ("online", "Movable"), ("x", "Normal"),
                    ("online", "none"), ("going-offline", "Movable")))]
        name = "a-machine-with-a-name-of-many-characters." * 6
        root = self.made("long", 128 * MIB, runs, node_folder=True, cpus="0-39", bare_nodes=range(41, 1023, 2),
                         distance=lambda one, other: 10 if one == other else 11 + (one * 7 + other) % 240,
                         dimms={f"PNP0C80:{run.first:x}": [run.first] for run in runs},
                         texts={"uname": f"Linux {name[:200]} {'6.12.0-' + 'very-long-release' * 6} x86_64",
                                "etc/memoryd/memoryd.conf": 'max_movable_ratio = 0.001; min_kernel = "1G";'})
        self.check(self.draw(root))

    def test_all_kinds_of_memory(self):
        """memoryd tells of more kinds than a tree."""
        if not MOCK.exists() or not shutil.which("dbus-run-session"):
            self.skipTest("there is no bus, or no mock of memoryd")
        path = self.folder / "busy.svg"
        script = ('export DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS"; "$0" busy >"$1" & mock=$!; shift; '
                  f'until grep -q ready "{self.folder}/ready"; do sleep 0.1; done; "$@"; status=$?; '
                  'kill $mock; exit $status')
        run_memoryctl("map", "--svg", path, session=("dbus-run-session", "--", "sh", "-c", script, str(MOCK),
                                                     str(self.folder / "ready")))
        if os.environ.get("PICTURES"):
            shutil.copy(path, os.environ["PICTURES"])
        self.check_uncut(path.read_text(encoding="ascii"))


class Size(PictureCase):
    """The picture of a large machine is small enough to be mailed and read."""

    def check_size(self, root):
        text = self.draw(root)
        self.assertLess(len(text), SIZE_MAX)
        return self.check(text)

    def test_65536_blocks(self):
        zones = "Normal", "Movable"
        root = self.made("large", 128 * MIB, [Run(n, n, "online", zones[n % 2]) for n in range(65536)], bare=True)
        # The kinds of memory alternate from block to block.
        picture = self.check_size(root)
        self.assertIn("A cell is 128 blocks, 16G.", "".join(str(text) for text in picture.texts))
        # They alternate from cell to cell, and each cell is a device of its own.
        for n in range(65536):
            path = root / f"sys/devices/system/memory/memory{n}"
            if n // 128 % 2 != n % 2:
                (path / "valid_zones").write_text(zones[n // 128 % 2])
            if n % 128 == 0:
                (path / "firmware_node").symlink_to(f"../../../LNXSYSTM:00/LNXSYBUS:00/PNP0C80:{n // 128:x}")
        picture = self.check_size(root)
        self.assertGreater(len(picture.boxes), 512)


class Content(PictureCase):
    """The picture says what it should, to those who see it and to those who do not."""

    def test_the_facts_are_there(self):
        text = self.draw(self.made("x86-two-sockets"))
        picture = Picture(text)
        for words in ("Memory of db7.example.org", "Tue 2023-11-14 22:13:20 UTC", "CPU, distance 21 to node 1",
                      "kernel 80G, movable 176G; movable/kernel 2.20, limit 3.00", "PNP0C80:04 (dimm)", "boot",
                      "hole, not of the node", "least kernel memory", "K 62G", "0x1080000000", "130G",
                      "limit 3.00", "movable memory at most 3.00 times kernel memory", "from /etc/memoryd/memoryd.conf"):
            self.assertTrue(any(words in seen.what for seen in picture.texts), words)
        self.assertEqual(picture.root.get("role"), "img")
        ids = [element.get("id") for element in picture.root.iter() if element.get("id")]
        self.assertEqual(len(ids), len(set(ids)))
        for name in "aria-labelledby", "aria-describedby":
            self.assertIn(picture.root.get(name), ids)
        said = picture.root.find(f"{SVG}desc").text
        for words in "Node 0: CPU, distance 21", "Node 1: ", "PNP0C80:05 (dimm): blocks 225-256", "Machine: 512G":
            self.assertIn(words, said)
        # Each cell, hole and bracket has a tooltip.
        self.assertGreater(text.count("<title>blocks "), 10)
        self.assertIn("<title>hole: blocks 33-64, 0x1080000000-0x207fffffff, 64G</title>", text)

    def test_the_same_memory_makes_the_same_picture(self):
        root = self.made("x86-guest")
        self.assertEqual(self.draw(root), self.draw(root))

    def test_the_picture_in_the_readme_is_up_to_date(self):
        """To renew it: PICTURES=DIR, and copy x86-two-sockets.svg from there."""
        self.assertTrue((SRCDIR / "man/map.svg").read_text(encoding="ascii") == self.draw(self.made("x86-two-sockets")),
                        "man/map.svg differs from what is drawn now")

    def test_nodes_without_memory_are_named(self):
        text = self.draw(self.made("arm64-accelerator"))
        self.assertIn(">Nodes 2-33: no memory, no CPU</text>", text)
        self.assertIn("NVIDIA (driver)", text)

    def test_the_width_is_used(self):
        for name in "x86-guest", "x86-two-sockets", "arm64-accelerator":
            picture = Picture(self.draw(self.made(name)))
            self.assertGreater(max(box.right for box in picture.boxes), 0.85 * picture.frame.right, name)


class Breaks(PictureCase):
    """This test finds each fault when a good picture is broken on purpose."""

    def breaks(self, text, old, new, fault, find=find_faults):
        broken = re.sub(old, new, text, count=1)
        self.assertNotEqual(broken, text, old)
        found = list(find(Picture(broken)))
        self.assertTrue(any(re.search(fault, line) for line in found), (old, fault, found))

    def test_places(self):
        text = self.draw(self.made("x86-two-sockets"))
        self.assertEqual(list(find_faults(Picture(text))), [])
        for old, new, fault in (
                (">K 62G<", f">K 62G{'!' * 70}<", r"K 62G!+' .*leaves its box"),
                ('<g font-size="10" text-anchor="middle">', '<g font-size="30" text-anchor="middle">',
                 "'boot' .* overlaps|overlaps .*'boot'"),
                (r'y="\d+" font-weight="bold" font-size="20"', 'y="10" font-weight="bold" font-size="20"',
                 "Memory of .* leaves the picture"),
                (r'<text x="20"( [^>]*)>Policy', r'<text x="320"\1>Policy', "Policy.* leaves the picture"),
                (">92G<", ">92G and then some<", "92G and then some' .* leaves the picture"),
                (">boot<", f">{'boot ' * 50}<", "overlaps .*'boot boot"),
                (r'(<rect [^>]*width=")(\d+)("[^>]*><title>blocks 193-200)', r"\g<1>1\2\3", "box .* overlaps box"),
                (">Node 0<", ">Node number 0<", "Node number 0' .* overlaps text 'CPU"),
                (r'(<rect [^>]*height=")22("[^>]*><title>blocks 193-200)', r"\g<1>12\2", "'K 16G' .* leaves its box"),
                ('viewBox="0 0 1000', 'viewBox="0 0 900', "leaves the picture"),
                (r'fill="#2c5aa0"(><title>blocks 193-200)', r'fill="#a6dd9d"\1', "could be one")):
            with self.subTest(old=old):
                self.breaks(text, old, new, fault)

    def test_colors(self):
        text = self.draw(self.made("x86-two-sockets"))
        self.assertEqual(list(find_color_faults(Picture(text))), [])
        for old, new, fault in (
                (r"\.ink\{fill:#e6e8eb\}", ".ink{fill:#333333}", "Node 0.* is #333333 on #16181c in the dark"),
                (r'fill="#2c5aa0"(><title>blocks 193-200)', r'fill="#eeeeee"\1', "'K 16G' .* is #ffffff on #eeeeee"),
                (r'fill="#2c5aa0"(><title>blocks 193-200)', r'fill="#9fd3a8"\1', "#9fd3a8 looks like #a6dd9d in grey"),
                (r'fill="url\(#going-offline\)"', 'fill="#a9d9a9"', "#a9d9a9 in grey")):
            with self.subTest(old=old):
                self.breaks(text, old, new, fault, find_color_faults)


if __name__ == "__main__":
    unittest.main()
