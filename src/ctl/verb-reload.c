/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl reload and rescan. */

#include "ctl/ctl.h"

int verb_reload(int argc, char **argv)
{
        (void) argc;
        (void) argv;
        return manager_call("Reload");
}

int verb_rescan(int argc, char **argv)
{
        (void) argc;
        (void) argv;
        return manager_call(arg_all ? "RescanAll" : "Rescan");
}
