#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""memoryd has a note about each library that it loads at run time, as packaging tools read it, and
memoryctl, which loads none, has no such note."""

import json
import os
import pathlib
import re
import struct
import sys
import unittest

SECTION = ".note.dlopen"
SHT_NOTE = 7
SHF_ALLOC = 2
NOTE_TYPE = 0x407c0c0a
SOURCE = pathlib.Path(os.environ.get("srcdir", "."), "src")


class Elf:
    """The sections of a program, of either word size and byte order."""

    def __init__(self, path):
        self._data = pathlib.Path(path).read_bytes()
        if self._data[:4] != b"\x7fELF":
            raise ValueError(f"{path}: not a program in the ELF format")
        wide = self._data[4] == 2
        self._order = "<" if self._data[5] == 1 else ">"
        offset = self._unpack("Q" if wide else "I", 40 if wide else 32)[0]
        size, count, names = self._unpack("HHH", 58 if wide else 46)
        # Name, type, flags, address, offset, size, link, info, alignment, entry size.
        form = "IIQQQQIIQQ" if wide else "IIIIIIIIII"
        self._sections = [self._unpack(form, offset + i * size) for i in range(count)]
        self._names = self._content(self._sections[names])

    def _unpack(self, form, offset):
        return struct.unpack_from(self._order + form, self._data, offset)

    def _content(self, section):
        return self._data[section[4]:section[4] + section[5]]

    def section(self, name):
        """Returns type, flags, alignment and content of a section, or None."""
        for section in self._sections:
            end = self._names.index(b"\0", section[0])
            if self._names[section[0]:end].decode() == name:
                return section[1], section[2], section[8], self._content(section)
        return None

    def notes(self, content):
        """Yields owner, type and text of the notes in a section."""
        while content:
            owner_size, size, kind = struct.unpack_from(self._order + "III", content)
            text = 12 + (owner_size + 3) // 4 * 4
            yield content[12:12 + owner_size], kind, content[text:text + size]
            content = content[text + (size + 3) // 4 * 4:]


class Notes(unittest.TestCase):
    """The notes of the built programs."""

    def test_memoryd_names_what_it_loads(self):
        program = Elf(os.environ.get("MEMORYD", "./memoryd"))
        found = program.section(SECTION)
        self.assertIsNotNone(found, f"memoryd has no section {SECTION}")
        kind, flags, alignment, content = found
        self.assertEqual((kind, flags & SHF_ALLOC, alignment), (SHT_NOTE, SHF_ALLOC, 4))
        named = set()
        for owner, note_type, text in program.notes(content):
            self.assertEqual((owner, note_type), (b"FDO\0", NOTE_TYPE))
            self.assertTrue(text.endswith(b"\0"), text)
            for entry in json.loads(text[:-1]):
                self.assertIn(entry["priority"], ("required", "recommended", "suggested"))
                self.assertTrue(entry["feature"] and entry["description"], entry)
                named |= set(entry["soname"])
        self.assertEqual(named, {"libnuma.so.1"})

    def test_each_library_in_the_source_is_named(self):
        libraries = set()
        for path in SOURCE.glob("**/*.[ch]"):
            libraries |= set(re.findall(r'"(lib[\w-]+\.so\.\d+)"', path.read_text()))
        self.assertEqual(libraries, {"libnuma.so.1"})

    def test_memoryctl_loads_nothing(self):
        path = os.environ.get("MEMORYCTL", "./memoryctl")
        self.assertIsNone(Elf(path).section(SECTION))
        # The name of the library: debugging information has names that contain "libnuma".
        self.assertFalse(b"libnuma.so" in pathlib.Path(path).read_bytes())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
