/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

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

static int read_value(sd_bus_message *message, char type, void *value)
{
        int r, flag;

        if (type != 'b')
                return sd_bus_message_read_basic(message, type, value);
        r = sd_bus_message_read_basic(message, 'b', &flag);
        if (r >= 0)
                *(bool *) value = flag;
        return r;
}

static int read_struct(sd_bus_message *message, const RowType *type, char *row)
{
        const char *types = type->signature + 1;
        int r = sd_bus_message_enter_container(message, 'r', NULL);

        memset(row, 0, type->size);
        for (size_t i = 0; types[i] != ')' && r >= 0; i++)
                r = read_value(message, types[i], row + type->members[i].offset);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int rows_read(sd_bus_message *message, const RowType *type, void *rows, size_t *n_rows)
{
        int r = sd_bus_message_enter_container(message, 'a', type->signature);

        while (r >= 0 && (r = sd_bus_message_at_end(message, false)) == 0) {
                char *first;

                r = array_grow(rows, type->size, *n_rows);
                if (r < 0)
                        return r;
                memcpy(&first, rows, sizeof(first));
                r = read_struct(message, type, first + *n_rows * type->size);
                *n_rows += r >= 0;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

const Property *property_find(const Property *properties, const char *name)
{
        for (const Property *property = properties; property->name; property++)
                if (strcmp(property->name, name) == 0)
                        return property;
        return NULL;
}

static int read_own_text(sd_bus_message *message, char **text)
{
        const char *value;
        int r = sd_bus_message_read_basic(message, 's', &value);

        if (r < 0)
                return r;
        free(*text);
        *text = strdup(value);
        return *text ? 0 : -ENOMEM;
}

static int read_nodes(sd_bus_message *message, NodeSet *ret)
{
        const void *data;
        size_t size;
        int r = sd_bus_message_read_array(message, 'u', &data, &size);

        for (size_t i = 0; r >= 0 && i < size / sizeof(uint32_t); i++) {
                uint32_t node = ((const uint32_t *) data)[i];

                if (node < NODE_MAX)
                        node_set_add(ret, node);
        }
        return r;
}

int property_read(sd_bus_message *message, const Property *property, void *row)
{
        void *value = (char *) row + property->offset;
        int r = sd_bus_message_enter_container(message, 'v', NULL);

        if (r < 0)
                return r;
        if (property->rows) {
                size_t *n_rows = (size_t *) ((char *) row + property->n_offset);

                *n_rows = 0;
                r = rows_read(message, property->rows, value, n_rows);
        } else if (property->type == 'S')
                r = read_own_text(message, value);
        else if (property->type == 'N')
                r = read_nodes(message, value);
        else if (property->type == 'a')
                r = sd_bus_message_read_strv(message, value);
        else
                r = read_value(message, property->type, value);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

typedef struct Target {
        const Property *properties;
        void *row;
} Target;

static int read_property(sd_bus_message *message, const char *name, void *userdata)
{
        const Target *target = userdata;
        const Property *property = property_find(target->properties, name);

        return property ? property_read(message, property, target->row) :
                          sd_bus_message_skip(message, "v");
}

int properties_read(sd_bus_message *message, const Property *properties, void *row)
{
        Target target = { properties, row };

        return dict_read(message, "sv", read_property, &target);
}

json_object *json_value(char type, const void *value)
{
        switch (type) {
        case 'b':
                return json_object_new_boolean(*(const bool *) value);
        case 'i':
                return json_object_new_int64(*(const int32_t *) value);
        case 'u':
                return json_object_new_uint64(*(const uint32_t *) value);
        case 't':
                return json_object_new_uint64(*(const uint64_t *) value);
        default:
                return json_text(*(const char *const *) value ?: "");
        }
}

json_object *json_row(const RowType *type, const void *row)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        const char *types = type->signature + 1;

        for (size_t i = 0; types[i] != ')'; i++) {
                const Member *member = &type->members[i];

                if (member->key &&
                    !json_member(object, member->key,
                                 json_value(types[i], (const char *) row + member->offset)))
                        return NULL;
        }
        return TAKE_PTR(object);
}

json_object *json_rows(const RowType *type, const void *rows, size_t n_rows)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; i < n_rows; i++)
                if (!json_element(array, json_row(type, (const char *) rows + i * type->size)))
                        return NULL;
        return TAKE_PTR(array);
}

json_object *json_properties(json_object *object, const Property *properties, const void *row)
{
        _cleanup_(json_object_putp) json_object *owned = object;

        for (const Property *property = properties; property->name; property++)
                if (property->key &&
                    !json_member(object, property->key,
                                 json_value(property->type, (const char *) row + property->offset)))
                        return NULL;
        return TAKE_PTR(owned);
}
