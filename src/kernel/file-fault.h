/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/* A sentence for each odd file: "FILE: 'VALUE', expected ...". */
typedef struct FaultList {
        char **texts; /* owned, NULL-terminated; NULL for none */
        size_t n_texts;
} FaultList;

/* Adds a sentence. Returns 0 or -ENOMEM. */
int fault_add(FaultList *list, const char *format, ...) _printf_(2, 3);

/*
 * Adds a sentence about a file that is missing (-ENOENT), makes no sense (-EBADMSG), or cannot be
 * read. A long value is truncated, and has "?" for characters that are not printable. Returns 0 or
 * -ENOMEM.
 */
int file_fault_add(FaultList *list, const char *path, int error, const char *value,
                   const char *expected);
