# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""axe-core, which finds what of a page is hard to use with a keyboard or a screen reader. npm downloads it once, and it
is used only if it is what its checksum says."""

import base64
import hashlib
import io
import os
import pathlib
import subprocess
import tarfile
import tempfile

from debian import cache_folder
from host import HostError, locked

PACKAGE = "axe-core@4.10.3"
SHA512 = "Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="

# Faults that keep users out. The others are advice.
GRAVE = ("serious", "critical")


def source():
    """Returns the text of axe-core."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / f"{PACKAGE}.tgz"
    with locked(cache / f"{PACKAGE}.lock"):
        if not archive.exists():
            _download(archive)
        data = archive.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != SHA512:
        archive.unlink()
        raise HostError(f"{PACKAGE} is not the archive that was expected: its checksum differs")
    with tarfile.open(fileobj=io.BytesIO(data)) as files:
        return files.extractfile("package/axe.min.js").read().decode()


def _download(archive):
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        done = subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, PACKAGE], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        found = list(pathlib.Path(folder).glob("*.tgz"))
        if done.returncode != 0 or not found:
            raise HostError(f"npm cannot download {PACKAGE}: {done.stdout.strip()}")
        os.rename(found[0], archive)


def faults(browser, text):
    """Returns the grave faults of the page that the browser shows, a line for each. `text` is that of axe-core."""
    return browser.run(text + """;
        return axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
            .filter(({ impact }) => arguments[0].includes(impact))
            .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`)));
        """, GRAVE)
