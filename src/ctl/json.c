/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Builds and prints JSON. */

#include "ctl/json.h"

#include <stdio.h>

bool json_member(json_object *object, const char *key, json_object *value)
{
        if (!value)
                return false;
        if (json_object_object_add(object, key, value) == 0)
                return true;
        json_object_put(value);
        return false;
}

bool json_member_string(json_object *object, const char *key, const char *text)
{
        if (!*text)
                return json_object_object_add(object, key, NULL) == 0;
        return json_member(object, key, json_object_new_string(text));
}

bool json_element(json_object *array, json_object *value)
{
        if (!value)
                return false;
        if (json_object_array_add(array, value) == 0)
                return true;
        json_object_put(value);
        return false;
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
