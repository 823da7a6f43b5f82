/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

/*
 * Asks memoryd and memoryctl whatever can be asked. All that they write must be printable: see text_fixture.h.
 * A method, a verb or an option that is not in the tables of answers.c fails the test.
 */

/* Before memoryd starts: has memoryctl use the bus, and checks signals. */
void answers_start(void);
unsigned answers_count_signals(void);

/* Sends a call. Returns how many texts are in the answer, 1 for an error: bus_error_name(). */
unsigned ask(sd_bus_message *message, const char *where);
unsigned ask_manager(const char *method);

/* The same of a property, which there must be. */
unsigned ask_property(const char *path, const char *interface, const char *name);

/* A block that is online and movable, and the device that it alone belongs to: for jobs. */
#define OWN_BLOCK 416
#define OWN_DEVICE "PNP0C80:a"

/*
 * Calls each method and reads each property. `is_full`: for each text of text_fixture.h there are a block, a
 * drop-in and a file of udev rules, and the answers must have as many texts.
 */
void assert_bus_answers(bool is_full);

/* Runs each verb, with --json and without, and where possible with the testbed as a recorded tree too. */
void assert_memoryctl_answers(void);

/* Runs memoryctl while polkit answers, and checks what it prints, which is in `output`. */
void run(const char *const *arguments);

#define RUN_WITH(...) run((const char *const[]){ "memoryctl", __VA_ARGS__, NULL })

/* Runs memoryctl with a text behind a verb, for each verb; and as the value of each option that has one. */
void assert_arguments_are_refused(const char *text);
