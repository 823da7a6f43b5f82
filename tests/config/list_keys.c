/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "config/key.h"

#include <stdio.h>

/* Prints the name of every key of memoryd.conf(5), for the check that each is documented. */
int main(void)
{
        for (size_t i = 0; conf_key(i); i++)
                puts(conf_key(i)->name);
        return EXIT_SUCCESS;
}
