/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/ctl.h"

#include <json-c/json.h>

/*
 * Nested JSON. A function that returns an object makes a new one, or returns NULL if memory is short. A
 * function that adds a value takes it over, and returns whether that succeeded, so that a chain of calls
 * stops at a failure. NULL in place of an object or a value is such a failure.
 */

DEFINE_CLEANUP(json_object *, json_object_put)

bool json_member(json_object *object, const char *key, json_object *value);
bool json_element(json_object *array, json_object *value);

typedef struct JsonMember {
        const char *key;
        json_object *value;
} JsonMember;

/*
 * Make an object of members, or add them to an object, which is taken over and returned. A member without a
 * key ends them.
 */
json_object *json_make(const JsonMember *members);
json_object *json_add(json_object *object, const JsonMember *members);

/* The argument of both: JSON_MEMBERS({ "first", value }, { "last", value }) */
#define JSON_MEMBERS(...) ((const JsonMember[]){ __VA_ARGS__, {} })

/* Makes an array of what `make` returns for each index below n. */
json_object *json_array(const void *data, size_t n,
                        json_object *(*make)(const void *data, size_t i));

/* Makes an array of texts, which end with NULL; empty if there are none. */
json_object *json_strings(char *const *strings);

/* A text, and a node: printed as null if the text is empty, and if the node is negative, so not known. */
json_object *json_text(const char *text);
json_object *json_node(int32_t node);

/*
 * Print an object on several lines, or on one, and free it. NULL stands for an object that could not be made.
 * Return EXIT_SUCCESS, or EXIT_FAILURE after printing the reason.
 */
int json_print(json_object *value);
int json_print_line(json_object *value);

/* holds.c: reads an array of texts. Returns 0, or a negative errno with nothing in *ret. */
int json_strings_read(sd_bus_message *message, json_object **ret);

/*
 * holds.c: asks what the pages of blocks are used for, and adds that to an object: `counted` has each block, `holds`
 * says in words what holds them, and `holds_advice` what to do; or `holds_error` says why memoryd cannot tell. Returns
 * 0 or a negative errno.
 */
int holds_ask(sd_bus *bus, uint32_t first, uint32_t last, json_object *object);

/* holds.c: prints what holds the blocks, and which of several are held. */
void holds_print(json_object *object);

/* holds.c: prints the advice of an object, each once: `holds_advice` and `not_offline_advice`. */
void holds_print_advice(json_object *object);

/* feature.c: makes an array of the features that the kernel has and lacks. */
json_object *json_features(const ManagerRow *manager);
