/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loads all files into one configuration, which is returned only if no file has a fault. */

#include "config/config.h"

#include <syslog.h>

#include "config/draft.h"
#include "config/fault.h"
#include "config/file.h"

/* The state of conf_load(), conf_load_file() and conf_load_text(). */
typedef struct Load {
        ConfDraft draft;
        char **paths; /* all paths that were tried, in order */
        size_t first_fault;
} Load;

static void load_init(Load *load, ConfFaults *faults)
{
        *load = (Load){ .first_fault = faults->n_faults };
        conf_draft_init(&load->draft, faults);
}

static void load_done(Load *load)
{
        conf_draft_done(&load->draft);
        strings_free(load->paths);
}

DEFINE_CLEANUP(Load *, load_done)

/* Reads a file and takes ownership of `path`. Returns 0, with or without faults, -ENOENT, or -ENOMEM. */
static int load_one(Load *load, char *path, ConfPlace place)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = strings_append(&load->paths, path);
        if (r < 0)
                return r;
        r = conf_file_read(path, load->draft.faults, &text, &size);
        if (r < 0)
                return r;
        load->draft.is_incomplete = load->draft.is_incomplete || r > 0;
        if (!text)
                return 0;
        r = strings_append(&load->draft.conf.files, strdup(path));
        if (r < 0)
                return r;
        return conf_draft_apply(&load->draft, path, text, size, place);
}

static int load_finish(Load *load, Conf *ret)
{
        ConfFaults *faults = load->draft.faults;
        int r = conf_draft_finish(&load->draft);

        if (r < 0)
                return r;
        if (faults->n_faults > load->first_fault) {
                conf_faults_sort(faults, load->first_fault, load->paths);
                return 1;
        }
        *ret = load->draft.conf;
        conf_init(&load->draft.conf);
        return 0;
}

static int load_mains(Load *load, const char *root)
{
        static const ConfPlace places[] = { CONF_PLACE_VENDOR, CONF_PLACE_MAIN };

        for (unsigned i = 0; i < ELEMENTSOF(places); i++) {
                char *path = conf_main_path(root, i);
                int r = path ? load_one(load, path, places[i]) : -ENOMEM;

                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

DEFINE_CLEANUP(char **, strings_free)

static int load_dropins(Load *load, const char *root)
{
        _cleanup_(strings_freep) char **paths = NULL;
        int r = conf_list_dropins(root, load->draft.faults, &paths);

        if (r < 0)
                return r;
        load->draft.is_incomplete = load->draft.is_incomplete || r > 0;
        for (size_t i = 0; paths && paths[i]; i++) {
                char *path = strdup(paths[i]);

                /* A drop-in that disappeared after its folder was listed is ignored. */
                r = path ? load_one(load, path, CONF_PLACE_DROPIN) : -ENOMEM;
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

int conf_load(const char *root, Conf *ret, ConfFaults *faults)
{
        Load load;
        _cleanup_(load_donep) Load *owned = &load;
        int r;

        load_init(&load, faults);
        r = load_mains(&load, root);
        if (r < 0)
                return r;
        r = load_dropins(&load, root);
        if (r < 0)
                return r;
        return load_finish(owned, ret);
}

int conf_load_file(const char *path, Conf *ret, ConfFaults *faults)
{
        Load load;
        _cleanup_(load_donep) Load *owned = &load;
        char *simple = conf_path_simplify(path);
        int r;

        load_init(&load, faults);
        r = simple ? load_one(&load, simple, CONF_PLACE_MAIN) : -ENOMEM;
        if (r == -ENOENT)
                r = conf_faults_add(faults, simple, 0, NULL, "expected a readable file, got \"%s\"",
                                    strerror(ENOENT));
        if (r < 0)
                return r;
        return load_finish(owned, ret);
}

/* Returns a copy of a text, followed by a newline and a NUL, like the text from conf_file_read(). */
static char *copy_text(const char *text, size_t size)
{
        char *copy = malloc(size + 2);

        if (!copy)
                return NULL;
        memcpy(copy, text, size);
        copy[size] = '\n';
        copy[size + 1] = '\0';
        return copy;
}

static int load_text(Load *load, const char *name, const char *text, size_t size)
{
        _cleanup_free_ char *copy = NULL;
        int r = strings_append(&load->paths, strdup(name));

        if (r < 0)
                return r;
        if (size > CONF_FILE_SIZE_MAX)
                return conf_faults_add(load->draft.faults, name, 0, NULL,
                                       "expected a text of at most 1 MiB, got a larger one");
        copy = copy_text(text, size);
        if (!copy)
                return -ENOMEM;
        return conf_draft_apply(&load->draft, name, copy, size + 1, CONF_PLACE_MAIN);
}

int conf_load_text(const char *name, const char *text, size_t size, Conf *ret, ConfFaults *faults)
{
        Load load;
        _cleanup_(load_donep) Load *owned = &load;
        int r;

        load_init(&load, faults);
        r = load_text(owned, name, text, size);
        return r < 0 ? r : load_finish(owned, ret);
}
