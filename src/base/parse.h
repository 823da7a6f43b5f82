/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * Strict parsing of numbers that come from outside: sysfs, configuration, uevents, command lines.
 * Leading and trailing characters, signs and overflow are refused. All return 0, or -EINVAL for
 * text that is no such number, or -ERANGE for one that is out of range; *ret is written on success
 * only.
 */
int parse_u32(const char *text, uint32_t *ret);

/* Hexadecimal without a prefix, as the kernel prints in block_size_bytes. */
int parse_hex_u64(const char *text, uint64_t *ret);

/*
 * A size in bytes: a decimal number with one of the suffixes K, M, G, T, P (powers of 1024, either
 * case, optionally followed by "iB" or "B") or none.
 */
int parse_size(const char *text, uint64_t *ret_bytes);

/* A time span: a decimal number followed by one of us, ms, s, min, h; a number alone is seconds. */
int parse_usec(const char *text, uint64_t *ret_usec);

/*
 * The largest node number and one: the kernel's NODES_SHIFT is at most 10 (6.12, all
 * architectures).
 */
#define NODE_MAX 1024

typedef struct NodeSet {
        uint64_t bits[NODE_MAX / 64];
} NodeSet;

bool node_set_contains(const NodeSet *set, uint32_t node);
void node_set_add(NodeSet *set, uint32_t node);
bool node_set_is_empty(const NodeSet *set);

/* The nodes of a set that are not in another. */
NodeSet node_set_minus(const NodeSet *set, const NodeSet *other);

/*
 * A list of numbers and ranges as the kernel prints it, "0,2-5": adds them to the set. The empty
 * string is the empty list. -EINVAL also for a range that is upside down, -ERANGE for a node that
 * is NODE_MAX or more; the set is unchanged then.
 */
int node_set_parse(NodeSet *set, const char *text);
