/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/json.h"

/* The cells of a row, by the type of their columns. */

/* The parts of a row, by their types. */
#define PART(row, column, type) (*(const type *) ((const char *) (row) + (column)->offset))

/* Makes the text of a cell, or leaves *ret for an empty one. 0, or -ENOMEM. The caller frees the text. */
int cell_format(const Column *column, const void *row, char **ret);

/*
 * The colour of a cell. A number, a truth or an error in a column with colours is a bad sign, unless it is 0,
 * false or none.
 */
Color cell_color(const Column *column, const void *row);

/* Whether cells of the types CELL_TEXT, CELL_NODE and CELL_ERROR are equal. Cells of the others always are. */
bool cell_is_alike(const Column *column, const void *a, const void *b);

/*
 * cell-json.c: adds the cell to an object, under the column's name in lower case. Blocks have their first and last
 * number too. Returns false if memory is short.
 */
bool cell_add_json(json_object *object, const Column *column, const void *row);
