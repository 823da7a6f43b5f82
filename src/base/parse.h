/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * Strict parsing of numbers that come from outside: sysfs, configuration, uevents, command lines. Leading and
 * trailing characters, signs and overflow are refused. Each function returns 0, -EINVAL if the text is not
 * such a number, or -ERANGE if the number is out of range. *ret is written on success only.
 */
int parse_u32(const char *text, uint32_t *ret);

/* Parses a hexadecimal number without a prefix, as the kernel prints it in block_size_bytes. */
int parse_hex_u64(const char *text, uint64_t *ret);

/*
 * Parses a size into bytes: a decimal number, alone, with the suffix B, or with one of the suffixes K, M, G, T,
 * P, E (powers of 1024, in either case, optionally followed by "iB" or "B"). Before one of these six it may have
 * digits behind a point, "1.5G", of which the first 16 count. Returns -EDOM if the size is no whole number of
 * bytes, as "0.1G", or if a later digit is not 0. Nothing is rounded.
 */
int parse_size(const char *text, uint64_t *ret_bytes);

/* Parses a time span: a decimal number followed by us, ms, s, min or h, or a number of seconds alone. */
int parse_usec(const char *text, uint64_t *ret_usec);

/*
 * Whether a text is a list of numbers and ranges as the kernel prints it, "0,2-5". An empty string is an
 * empty list. The numbers need not fit any type but uint64_t.
 */
bool is_number_list(const char *text);

/* The largest node number plus one: the kernel's NODES_SHIFT is at most 10 (6.12, all architectures). */
#define NODE_MAX 1024

typedef struct NodeSet {
        uint64_t bits[NODE_MAX / 64];
} NodeSet;

bool node_set_contains(const NodeSet *set, uint32_t node);
void node_set_add(NodeSet *set, uint32_t node);
bool node_set_is_empty(const NodeSet *set);

/* Returns the nodes of a set that are not in another set. */
NodeSet node_set_minus(const NodeSet *set, const NodeSet *other);

/*
 * Adds the nodes of a list to the set: numbers and ranges as the kernel prints them, "0,2-5". An empty string
 * is an empty list. Returns -EINVAL also for a range whose first node is above its last, and -ERANGE for a
 * node of NODE_MAX or more. The set is unchanged on failure.
 */
int node_set_parse(NodeSet *set, const char *text);
