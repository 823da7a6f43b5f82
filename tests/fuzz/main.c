/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Feeds a program of this folder with files instead of made-up inputs: those named, or else its corpus. */

#include "fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>

static int run_file(const char *path)
{
        static uint8_t data[4 << 20];
        FILE *file = fopen(path, "re");
        size_t size = file ? fread(data, 1, sizeof(data), file) : 0;
        /* A copy of its own: what is read behind its end is found by a sanitizer or valgrind. */
        uint8_t *copy = malloc(size);

        if (!file || ferror(file) || (size > 0 && !copy)) {
                fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
                return -1;
        }
        fclose(file);
        fprintf(stderr, "%s\n", path);
        if (size > 0)
                memcpy(copy, data, size);
        (void) LLVMFuzzerTestOneInput(copy, size);
        free(copy);
        return 0;
}

static int run_folder(const char *folder)
{
        struct dirent **entries;
        int n = scandir(folder, &entries, NULL, alphasort), n_files = 0, r = 0;

        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;

                if (*entries[i]->d_name != '.' && r >= 0) {
                        r = asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0 ?
                                    -1 :
                                    run_file(path);
                        n_files++;
                }
                free(entries[i]);
        }
        if (n >= 0)
                free(entries);
        if (n_files == 0)
                fprintf(stderr, "there are no files in %s\n", folder);
        return n_files == 0 ? -1 : r;
}

int main(int argc, char **argv)
{
        const char *name = strrchr(argv[0], '/') ?: argv[0], *top = getenv("srcdir") ?: ".";
        char folder[PATH_MAX];
        int r = 0;

        /* The parser of fuzz_config has its corpus in corpus/config. */
        name = strchr(name, '_') ?: name;
        snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top, name + 1);
        if (argc < 2)
                r = run_folder(folder);
        for (int i = 1; i < argc && r >= 0; i++)
                r = run_file(argv[i]);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
