/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

/*
 * Asks whether the sender of a message may do something: root always, others if polkit agrees.
 * Never blocks: `granted` is called with the message and userdata later, from the loop, or the
 * message is answered with AccessDenied. What is not answered by polkit is denied.
 *
 * Returns 1, which a method handler passes on, or a negative errno.
 */
typedef int (*AuthorityGranted)(sd_bus_message *message, void *userdata);

int authority_ask(sd_bus_message *message, const char *action, AuthorityGranted granted,
                  void *userdata);
