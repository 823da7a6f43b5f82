/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/json.h"

/*
 * Rows of values: tables tell how a row comes over D-Bus, and what it is in JSON. The type of a value on
 * D-Bus decides that of the row's member: s and o const char *, u uint32_t, i int32_t, t uint64_t, b bool.
 */

/* A member of a struct. */
typedef struct Member {
        size_t offset;   /* in the row */
        const char *key; /* in JSON; NULL: not part of it */
} Member;

/* A struct on D-Bus, and the row for it. */
typedef struct RowType {
        const char *signature; /* in parentheses */
        size_t size;           /* of the row */
        const Member *members; /* one for each type of the signature */
} RowType;

typedef struct Property {
        const char *name; /* NULL ends a table */
        /* a: an array of structs if there is a row type, else of strings, a char **; S: an owned text; N: nodes, a NodeSet */
        char type;
        size_t offset;   /* in the row */
        const char *key; /* in JSON; NULL: not part of it */
        const RowType *rows;
        size_t n_offset; /* of the number of rows, a size_t */
} Property;

/* snapshot.c and job-view.c: the properties of the objects, and the rows with these names. */
extern const Property manager_properties[];
extern const Property node_properties[];
extern const Property zone_properties[];
extern const Property job_properties[];
extern const Property device_properties[];
extern const RowType distance_rows;
extern const RowType job_rows;
extern const RowType span_rows;
extern const RowType feature_rows;
extern const RowType failed_device_rows;
extern const RowType finding_rows;

/*
 * Functions that read return a negative errno on failure. Texts in rows belong to the message, and arrays are
 * owned. A failure leaves the rows that were read.
 */

/* Has `read` read the value of each entry of a dictionary with the type a{entry} and text keys. */
int dict_read(sd_bus_message *message, const char *entry,
              int (*read)(sd_bus_message *message, const char *key, void *userdata),
              void *userdata);

/* Adds an array of structs to *(void **) rows, which has grown with GROW(). */
int rows_read(sd_bus_message *message, const RowType *type, void *rows, size_t *n_rows);

/* Reads an a{sv}. Skips unknown properties, since memoryd may be newer; their members keep their values. */
int properties_read(sd_bus_message *message, const Property *properties, void *row);

/* Returns the property with this name, or NULL. */
const Property *property_find(const Property *properties, const char *name);

/* Reads the value of a property from a variant, and replaces that in the row. */
int property_read(sd_bus_message *message, const Property *property, void *row);

/*
 * A value; an object of the members that have a key; an array of such objects; the given object, which is
 * taken over, with the properties that have a key. A text of NULL is empty.
 */
json_object *json_value(char type, const void *value);
json_object *json_row(const RowType *type, const void *row);
json_object *json_rows(const RowType *type, const void *rows, size_t n_rows);
json_object *json_properties(json_object *object, const Property *properties, const void *row);
