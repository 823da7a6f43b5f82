/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads rows of values from D-Bus messages, and makes JSON of them. */

#include "ctl/row.h"

int dict_read(sd_bus_message *message, const char *entry,
              int (*read)(sd_bus_message *message, const char *key, void *userdata), void *userdata)
{
        const char *key;
        int r = sd_bus_message_enter_container(message, 'a', NULL);

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', entry)) > 0) {
                r = sd_bus_message_read_basic(message, entry[0], &key);
                if (r >= 0)
                        r = read(message, key, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_value(sd_bus_message *message, const Field *field, void *row)
{
        void *value = (char *) row + field->offset;
        int r, flag;

        if (field->rows)
                return rows_read(message, field->rows, value,
                                 (size_t *) ((char *) row + field->n_offset));
        if (field->type == 'a')
                return sd_bus_message_read_strv(message, value);
        if (field->type != 'b')
                return sd_bus_message_read_basic(message, field->type, value);
        r = sd_bus_message_read_basic(message, 'b', &flag);
        if (r >= 0)
                *(bool *) value = flag;
        return r;
}

int rows_read(sd_bus_message *message, const RowType *type, void *rows, size_t *n_rows)
{
        int r = sd_bus_message_enter_container(message, 'a', type->signature);

        while (r >= 0 && (r = sd_bus_message_at_end(message, false)) == 0) {
                char *row;

                r = array_grow(rows, type->size, *n_rows);
                if (r < 0)
                        return r;
                memcpy(&row, rows, sizeof(row));
                row += *n_rows * type->size;
                memset(row, 0, type->size);
                r = sd_bus_message_enter_container(message, 'r', NULL);
                for (const Field *field = type->fields; field->type && r >= 0; field++)
                        r = read_value(message, field, row);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                *n_rows += r >= 0;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

const Field *field_find(const Field *fields, const char *name)
{
        for (const Field *field = fields; field->type; field++)
                if (strcmp(field->name, name) == 0)
                        return field;
        return NULL;
}

int field_read(sd_bus_message *message, const Field *field, void *row)
{
        int r = sd_bus_message_enter_container(message, 'v', NULL);

        if (r >= 0)
                r = read_value(message, field, row);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

typedef struct Target {
        const Field *fields;
        void *row;
} Target;

static int read_property(sd_bus_message *message, const char *name, void *userdata)
{
        const Target *target = userdata;
        const Field *field = field_find(target->fields, name);

        return field ? field_read(message, field, target->row) : sd_bus_message_skip(message, "v");
}

int row_read(sd_bus_message *message, const Field *fields, void *row)
{
        Target target = { fields, row };

        return dict_read(message, "sv", read_property, &target);
}

json_object *json_field(const Field *field, const void *row)
{
        const void *value = (const char *) row + field->offset, *rows;

        switch (field->type) {
        case 'b':
                return json_object_new_boolean(*(const bool *) value);
        case 'i':
                return json_object_new_int64(*(const int32_t *) value);
        case 'u':
                return json_object_new_uint64(*(const uint32_t *) value);
        case 't':
                return json_object_new_uint64(*(const uint64_t *) value);
        case 'a':
                memcpy(&rows, value, sizeof(rows));
                return json_rows(field->rows, rows,
                                 *(const size_t *) ((const char *) row + field->n_offset));
        default:
                return json_text(*(const char *const *) value);
        }
}

json_object *json_row(const Field *fields, const void *row)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        for (const Field *field = fields; field->type; field++)
                if (field->key && !json_member(object, field->key, json_field(field, row)))
                        return NULL;
        return TAKE_PTR(object);
}

json_object *json_rows(const RowType *type, const void *rows, size_t n_rows)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; i < n_rows; i++)
                if (!json_element(array,
                                  json_row(type->fields, (const char *) rows + i * type->size)))
                        return NULL;
        return TAKE_PTR(array);
}
