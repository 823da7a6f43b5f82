/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Builds and prints JSON. */

#include "ctl/json.h"

#include <stdio.h>

bool json_member(json_object *object, const char *key, json_object *value)
{
        if (object && value && json_object_object_add(object, key, value) == 0)
                return true;
        json_object_put(value);
        return false;
}

bool json_element(json_object *array, json_object *value)
{
        if (array && value && json_object_array_add(array, value) == 0)
                return true;
        json_object_put(value);
        return false;
}

json_object *json_add(json_object *object, const JsonMember *members)
{
        _cleanup_(json_object_putp) json_object *owned = object;
        bool ok = object;

        for (; members->key; members++)
                ok &= json_member(object, members->key, members->value);
        return ok ? TAKE_PTR(owned) : NULL;
}

json_object *json_make(const JsonMember *members)
{
        return json_add(json_object_new_object(), members);
}

json_object *json_array(const void *data, size_t n,
                        json_object *(*make)(const void *data, size_t i))
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; i < n; i++)
                if (!json_element(array, make(data, i)))
                        return NULL;
        return TAKE_PTR(array);
}

/* To json-c null is a NULL pointer, which is a failure here. This is an object that prints as null. */
static json_object *json_null(void)
{
        static char text[] = "null";
        json_object *object = json_object_new_boolean(false);

        if (object)
                json_object_set_serializer(object, json_object_userdata_to_json_string, text, NULL);
        return object;
}

json_object *json_text(const char *text)
{
        return *text ? json_object_new_string(text) : json_null();
}

json_object *json_node(int32_t node)
{
        return node < 0 ? json_null() : json_object_new_int64(node);
}

static int print(json_object *value, int flags)
{
        _cleanup_(json_object_putp) json_object *object = value;
        const char *text = NULL;

        if (object)
                text = json_object_to_json_string_ext(object,
                                                      flags | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return failure("%s", strerror(ENOMEM));
        puts(text);
        return EXIT_SUCCESS;
}

int json_print(json_object *value)
{
        return print(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

int json_print_line(json_object *value)
{
        return print(value, JSON_C_TO_STRING_SPACED);
}

json_object *json_strings(char *const *strings)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (; strings && *strings; strings++)
                if (!json_element(array, json_object_new_string(*strings)))
                        return NULL;
        return TAKE_PTR(array);
}
