/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/* The terminal: its size, colours that say what a word means, and the pager for long output. */

/* The size that terminals always had, in characters and lines. */
#define TERMINAL_WIDTH 80
#define TERMINAL_HEIGHT 24

/* The size of the terminal behind a file, else the number in COLUMNS or LINES, else the usual size. */
size_t terminal_width(int fd);
size_t terminal_height(int fd);

/* Whether standard output is a terminal that can do more than print text, by TERM. */
bool terminal_is_smart(void);

/* Parses a switch of the environment as systemd does: yes, on, 1 and the like. 1, 0, or -EINVAL. */
int parse_switch(const char *text);

/* What a colour stands for. Each verb uses the same colours, so that a colour always means the same. */
typedef enum Color {
        COLOR_NONE,
        COLOR_HEADING,
        COLOR_GOOD,
        COLOR_WAIT, /* a change is due or under way */
        COLOR_BAD,
        COLOR_FAINT, /* nothing to see: offline, left alone */
        _COLOR_MAX,
} Color;

/*
 * Whether standard output gets colours: SYSTEMD_COLORS decides, as systemctl(1) has it, or else whether it is a
 * terminal and NO_COLOR is not set.
 */
bool terminal_has_colors(void);

/* Returns the sequence that begins a colour, or NULL for none. "\033[0m" ends it. */
const char *color_sequence(Color color);

/* Returns the colour of a state, class, decision or status, such as red for "failed". */
Color color_of_word(const char *word);

/* Prints a text in a colour. Returns the number of characters without those for the colour. */
int color_print(Color color, const char *format, ...) _printf_(2, 3);

/*
 * pager.c: collects standard output. pager_end() prints it or, if it is longer than the terminal, has a pager show
 * it, and waits for the pager. Without a terminal for it nothing is collected.
 */
void pager_begin(void);
void pager_end(void);
