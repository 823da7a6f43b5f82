/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl/json.h"

/* Rows of values: a table of fields tells how a row comes over D-Bus, and what it is in JSON. */

typedef struct RowType RowType;

typedef struct Field {
        /*
         * The type on D-Bus, and so that of the row's member: s and o const char *, u uint32_t, i int32_t,
         * t uint64_t, b bool; a is an array: of structs if there is a row type, else a char **.
         */
        char type;
        size_t offset;    /* in the row */
        const char *key;  /* in JSON; NULL: not part of it */
        const char *name; /* of the property; NULL: a member of a struct */
        const RowType *rows;
        size_t n_offset; /* of the number of rows, a size_t */
} Field;

/* A struct on D-Bus, and the row for it. */
struct RowType {
        const char *signature;
        size_t size;         /* of the row */
        const Field *fields; /* in the order of the struct; ends with one without a type */
};

/* snapshot.c: the properties of the objects, and the rows with these names. */
extern const Field manager_fields[];
extern const Field node_fields[];
extern const Field zone_fields[];
extern const RowType job_rows;
extern const RowType feature_rows;
extern const RowType finding_rows;

/*
 * Functions that read return a negative errno on failure. Texts in rows belong to the message, and arrays are
 * owned. A failure leaves the rows that were read.
 */

/* Has `read` read the value of each entry of a dictionary with the type a{entry} and text keys. */
int dict_read(sd_bus_message *message, const char *entry,
              int (*read)(sd_bus_message *message, const char *key, void *userdata),
              void *userdata);

/* Reads an a{sv}. Skips unknown properties, since memoryd may be newer; their members keep their values. */
int row_read(sd_bus_message *message, const Field *fields, void *row);

/* Adds an array of structs to *(void **) rows, which has grown with GROW(). */
int rows_read(sd_bus_message *message, const RowType *type, void *rows, size_t *n_rows);

/* Returns the field of a property, or NULL. */
const Field *field_find(const Field *fields, const char *name);

/* Reads the value of a field from a variant. */
int field_read(sd_bus_message *message, const Field *field, void *row);

/* The value of a field; an object with the fields that have a key; and an array of such objects. */
json_object *json_field(const Field *field, const void *row);
json_object *json_row(const Field *fields, const void *row);
json_object *json_rows(const RowType *type, const void *rows, size_t n_rows);
