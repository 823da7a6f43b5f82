/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl/job-view.h"

#include <json-c/json.h>

/*
 * Nested JSON. A function json_x() returns a new object, or NULL when there is no memory. Those that
 * put a value into another take it over and return whether all went well, so that a chain of them
 * stops at a failure.
 */

DEFINE_CLEANUP(json_object *, json_object_put)

bool json_member(json_object *object, const char *key, json_object *value);

/*
 * Null for an empty text. JSON's null is a NULL pointer to json-c, which cannot be told from a
 * failure: it goes in here.
 */
bool json_member_string(json_object *object, const char *key, const char *text);

bool json_element(json_object *array, json_object *value);

/*
 * Prints an object, which may be NULL, and drops it: over several lines, or as one. EXIT_SUCCESS, or
 * EXIT_FAILURE when the reason has been printed.
 */
int json_print(json_object *value);
int json_print_line(json_object *value);

/* feature.c: what the kernel has and lacks, an array. */
json_object *json_features(const ManagerRow *manager);

/* report.c: the members of a job as far as it has got, and of one that has ended. */
bool json_add_job(json_object *object, uint32_t id, const JobView *view);
bool json_add_report(json_object *object, uint32_t id, const char *result, const JobView *report);
