/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"
#include "model/machine.h"

/*
 * What the programs of this folder have in common. Each is for one parser. libFuzzer feeds it with made-up
 * inputs (configure --enable-fuzzing), main.c with the files of its corpus. README.md has more.
 */

/* Feeds the parser with one input. Each program defines it. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes a machine with blocks of 128 MiB, from number 0 on. `fill` sets what else a block has. */
void fuzz_machine(Machine *machine, unsigned n_blocks, void (*fill)(Block *block));

/* Ends the program, as a finding, unless something holds that must hold for each input. */
#define FUZZ_ASSERT(condition)                                                                     \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        fuzz_fail(#condition, __FILE__, __LINE__);                                 \
        } while (0)

_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

/* Returns the input as a string, which ends at its first zero byte. The caller frees it. */
char *fuzz_string(const uint8_t *data, size_t size);

/*
 * A temporary folder of this process, made by the first call. It is removed when the process ends. No input
 * is to change anything outside.
 */
const char *fuzz_folder(void);

/*
 * Writes a file in the folder, or a link to any target. Its name may have folders before it, which are made.
 * No link is followed, so that nothing outside changes. Returns false if there can be no such file.
 */
bool fuzz_write(const char *name, const void *data, size_t size);
bool fuzz_link(const char *name, const char *target);

/* Empties the folder. */
void fuzz_clear(void);
