/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl map. */

#include "ctl/map.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool terminal_is_colored(void)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
               !(term && strcmp(term, "dumb") == 0);
}

static int save_svg(const Snapshot *snapshot)
{
        FILE *file = fopen(arg_svg, "we");
        int r;

        if (!file)
                return failure("cannot write '%s': %s", arg_svg, strerror(errno));
        r = map_write_svg(snapshot, file);
        errno = 0;
        if ((fflush(file) != 0 || ferror(file)) && r >= 0)
                r = errno ? -errno : -EIO;
        if (fclose(file) != 0 && r >= 0)
                r = -errno;
        return r < 0 ? failure("cannot write '%s': %s", arg_svg, strerror(-r)) : EXIT_SUCCESS;
}

static int print_cells(const Snapshot *snapshot)
{
        _cleanup_(map_done) Map map = {};
        int r = map_init(&map, snapshot, TERMINAL_WIDTH);

        return r < 0 ? failure("%s", strerror(-r)) : json_print(json_map(&map));
}

int verb_map(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        int r;

        if (arg_svg && arg_json)
                return usage_failure("--svg and --json exclude each other");
        r = snapshot_fetch(FETCH_MANAGER | FETCH_BLOCKS | FETCH_NO_DEVICES, &snapshot);
        if (r != EXIT_SUCCESS)
                return r;
        if (arg_svg)
                return save_svg(&snapshot);
        if (arg_json)
                return print_cells(&snapshot);
        r = map_print(&snapshot,
                      MAX(terminal_width(STDOUT_FILENO), (size_t) MAP_TERMINAL_WIDTH_MIN),
                      terminal_is_colored());
        return r < 0 ? failure("%s", strerror(-r)) : EXIT_SUCCESS;
}
