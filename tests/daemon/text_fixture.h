/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

#include <json-c/json.h>
#include <systemd/sd-bus.h>

/* Texts with any bytes, and checks of what is made of them. */

/* Each single byte but zero, then random texts, which are the same in each run. */
#define N_BYTES 255
#define N_TEXTS (N_BYTES + 1000)

/* A text has at most so many bytes, and nine in ten have at most the second. */
#define TEXT_LENGTH_MAX 200
#define TEXT_SHORT_MAX 24

void texts_make(void);
const char *any_text(size_t i);

/* Copies a text with "|" in the place of each of some bytes. The fourth call after this overwrites the copy. */
const char *text_without(const char *bytes, const char *text);

/* Joins texts: all single bytes, or as many of the random ones as fit into `size` bytes. */
const char *texts_join(bool is_random, size_t size);

/*
 * These fail the test unless a text is valid UTF-8 without control characters but those that are allowed. GLib
 * tells, which does not share the mistakes of base/text.c.
 */
void assert_printable(const char *text, size_t n, const char *allowed, const char *where);

/* The same for each text of a message, from its place on. Returns how many there are. */
unsigned assert_message(sd_bus_message *message, const char *where);

/* Parses a JSON document, or one in each line, and checks its strings and keys. Overwrites the text. */
void assert_json(char *text, bool is_lines, const char *where);

/* Checks what memoryd has logged, a message in each line, and what it has told the service manager. */
void assert_log(void);

/* Checks each field that memoryd has sent to the journal: see mock_kernel.c. Returns how many there are. */
unsigned assert_journal(void);
