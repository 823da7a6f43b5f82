/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

/*
 * Asks whether the sender of a message may do something: root always, others if polkit agrees.
 * Never blocks: `granted` is called with the message and userdata later, from the loop, or the
 * message is answered with AccessDenied. What is not answered by polkit is denied.
 *
 * With `also`, which may be NULL, a second action is needed beside the first. The user's number is handed
 * on. Returns 1, which a method handler passes on, or a negative errno.
 */
typedef int (*AuthorityGranted)(sd_bus_message *message, uint32_t uid, void *userdata);

int authority_ask(sd_bus_message *message, const char *action, const char *also,
                  AuthorityGranted granted, void *userdata);
