/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Makes JSON of the cells of tables. */

#include "ctl/cell.h"

#include <ctype.h>

#define KEY_MAX 32

static const char *key_format(const Column *column, char buffer[static KEY_MAX])
{
        size_t n = 0;

        for (; n < KEY_MAX - 1 && column->name[n]; n++)
                buffer[n] = (char) tolower((unsigned char) column->name[n]);
        buffer[n] = '\0';
        return buffer;
}

/* Makes a value of the text of a cell. An empty one is null. */
static json_object *json_cell(CellType type, const char *text)
{
        if (!*text)
                return json_text("");
        switch (type) {
        case CELL_ID:
        case CELL_NODE:
        case CELL_NUMBER:
        case CELL_FIGURE:
        case CELL_SIZE:
        case CELL_SPAN:
                return *text == '-' ? json_object_new_int64(strtoll(text, NULL, 10)) :
                                      json_object_new_uint64(strtoull(text, NULL, 10));
        case CELL_BOOL:
                return json_object_new_boolean(strcmp(text, "yes") == 0);
        default:
                return json_text(text);
        }
}

/* Adds the numbers beside the text of a cell of blocks; null if it is empty. */
static bool add_ends(json_object *object, const Span *span, bool is_empty)
{
        return json_member(object, "first",
                           is_empty ? json_text("") : json_object_new_uint64(span->first)) &&
               json_member(object, "last",
                           is_empty ? json_text("") : json_object_new_uint64(span->last));
}

bool cell_add_json(json_object *object, const Column *column, const void *row)
{
        _cleanup_free_ char *text = NULL;
        char key[KEY_MAX];

        if (column->json)
                return column->json(object, row);
        if (cell_format(column, row, &text) < 0 ||
            !json_member(object, key_format(column, key), json_cell(column->type, text ?: "")))
                return false;
        return column->type != CELL_BLOCKS || column->format ||
               add_ends(object, &PART(row, column, Span), !text || !*text);
}
