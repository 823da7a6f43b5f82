# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Joins this terminal to a guest's serial console."""

import os
import select
import shutil
import socket
import sys
import termios
import tty

PREFIX = b"\x01"  # Ctrl-A, as in QEMU's own console


def attach(path, actions):
    """Joins the terminal to the console until Ctrl-A X, or until the guest ends. `actions` has a
    function for each other letter after Ctrl-A, which returns a line to show. Ctrl-A twice sends
    Ctrl-A to the guest."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
        console.connect(str(path))
        columns, rows = shutil.get_terminal_size()
        # A serial line does not transmit the size and the type of the terminal.
        console.sendall(f"stty rows {rows} columns {columns}; export TERM=linux; clear\n".encode())
        tty.setraw(keyboard)
        try:
            _pump(keyboard, console, actions)
        finally:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
    print()


def _pump(keyboard, console, actions):
    is_prefixed = False
    while True:
        ready, _, _ = select.select([keyboard, console], [], [])
        if console in ready:
            output = console.recv(65536)
            if not output:
                return
            os.write(sys.stdout.fileno(), output)
        if keyboard in ready:
            key = os.read(keyboard, 1)
            if not key:
                return
            if not is_prefixed:
                is_prefixed = key == PREFIX
                if not is_prefixed:
                    console.sendall(key)
                continue
            is_prefixed = False
            if key in b"xX":
                return
            if key == PREFIX:
                console.sendall(key)
            elif key.lower() in actions:
                line = actions[key.lower()]()
                os.write(sys.stdout.fileno(), f"\r\n[{line}]\r\n".encode())
