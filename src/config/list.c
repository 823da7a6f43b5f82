/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a single value or a list of values. */

#include "config/list.h"

#include "config/file.h"

/* The elements that have been read so far. */
typedef struct List {
        NodeSet nodes;
        unsigned mask;  /* CONF_WORDS */
        char **strings; /* CONF_CONDITIONS; owned */
} List;

static void list_done(List *list)
{
        strings_free(list->strings);
}

DEFINE_CLEANUP(List *, list_done)

/* The result of reading an element: 0, a negative errno, or one of these. */
enum {
        ELEMENT_BAD = 1,
        ELEMENT_TWICE,
};

static int read_node(const ConfKey *key, const config_setting_t *setting, List *list)
{
        const char *text = setting_get_text(setting);
        int64_t integer;

        if (text)
                return *text && node_set_parse(&list->nodes, text) == 0 ? 0 : ELEMENT_BAD;
        if (!setting_get_integer(setting, &integer) || integer < 0 || (uint64_t) integer > key->max)
                return ELEMENT_BAD;
        node_set_add(&list->nodes, (uint32_t) integer);
        return 0;
}

/* Returns the index of a text among the words of a key, or -1. */
static int find_word(const ConfKey *key, const char *text)
{
        for (int i = 0; text && key->word(i); i++)
                if (strcmp(key->word(i), text) == 0)
                        return i;
        return -1;
}

static int read_word(const ConfKey *key, const config_setting_t *setting, List *list)
{
        int word = find_word(key, setting_get_text(setting));

        if (word < 0)
                return ELEMENT_BAD;
        if (list->mask & 1U << word)
                return ELEMENT_TWICE;
        list->mask |= 1U << word;
        return 0;
}

static int read_condition(const ConfKey *key, const config_setting_t *setting, List *list)
{
        const char *text = setting_get_text(setting);

        if (!text || find_word(key, text + (*text == '!')) < 0)
                return ELEMENT_BAD;
        for (char **string = list->strings; string && *string; string++)
                if (strcmp(*string, text) == 0)
                        return ELEMENT_TWICE;
        return strings_append(&list->strings, strdup(text));
}

static int read_element(const ConfKey *key, const config_setting_t *setting, List *list)
{
        switch (key->type) {
        case CONF_NODES:
                return read_node(key, setting, list);
        case CONF_WORDS:
                return read_word(key, setting, list);
        default:
                return read_condition(key, setting, list);
        }
}

static void list_store(const ConfKey *key, List *list, void *value)
{
        switch (key->type) {
        case CONF_NODES:
                *(NodeSet *) value = list->nodes;
                break;
        case CONF_WORDS:
                *(unsigned *) value = list->mask;
                break;
        default:
                strings_free(*(char ***) value);
                *(char ***) value = TAKE_PTR(list->strings);
                break;
        }
}

int conf_list_read(const ConfKey *key, const config_setting_t *setting, const char *path,
                   const char *file, ConfFaults *faults, void *value)
{
        bool is_list = config_setting_is_list(setting) || config_setting_is_array(setting);
        int n = is_list ? config_setting_length(setting) : 1, fault = 0;
        List list = {};
        _cleanup_(list_donep) List *owned = &list;

        if (n == 0)
                return setting_fault(key, setting, path, file, faults);
        for (int i = 0; i < n; i++) {
                const config_setting_t *element =
                        is_list ? config_setting_get_elem(setting, (unsigned) i) : setting;
                char got[CONF_DESCRIPTION_MAX];
                int r = read_element(key, element, owned);

                if (r == ELEMENT_BAD)
                        r = setting_fault(key, element, path, file, faults);
                if (r == ELEMENT_TWICE)
                        r = conf_faults_add(faults, file, config_setting_source_line(element), path,
                                            "expected each word once, got %s again",
                                            setting_describe(element, got));
                if (r < 0)
                        return r;
                fault |= r;
        }
        if (fault == 0)
                list_store(key, owned, value);
        return fault;
}
