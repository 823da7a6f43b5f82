/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Is linked with the whole core and nothing else, to show that the core needs nothing else. */

int main(void)
{
        return 0;
}
