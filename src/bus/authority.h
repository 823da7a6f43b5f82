/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

/*
 * Asks whether the sender of a message may perform an action: root always may, other users if polkit agrees.
 * Never blocks: later, from the event loop, either `granted` is called with the message, the user's number
 * and userdata, or the message is answered with AccessDenied. If polkit does not answer, access is denied.
 *
 * `also` is a second action that the sender needs beside the first, or NULL. Returns what a method handler
 * returns: 1, or a negative errno with the error set.
 */
typedef int (*AuthorityGranted)(sd_bus_message *message, uint32_t uid, void *userdata);

int authority_ask(sd_bus_message *message, const char *action, const char *also,
                  AuthorityGranted granted, void *userdata, sd_bus_error *error);
