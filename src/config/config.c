/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Sets the defaults of a configuration, frees it, and grows its lists of strings. */

#include "config/config.h"

#include <syslog.h>

int strings_append(char ***strings, char *string)
{
        size_t n = 0;
        char **grown;

        while (*strings && (*strings)[n])
                n++;
        grown = string ? reallocarray(*strings, n + 2, sizeof(char *)) : NULL;
        if (!grown) {
                free(string);
                return -ENOMEM;
        }
        grown[n] = string;
        grown[n + 1] = NULL;
        *strings = grown;
        return 0;
}

/* FNV-1a */
uint64_t conf_digest(const char *text, size_t size)
{
        uint64_t digest = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                digest = (digest ^ (unsigned char) text[i]) * UINT64_C(0x100000001b3);
        return digest;
}

void conf_init(Conf *conf)
{
        *conf = (Conf){
                .coldplug = COLDPLUG_APPLY,
                .kernel_auto_online = KERNEL_AUTO_ONLINE_TAKE_OVER,
                .offload = OFFLOAD_NEVER,
                .event_source = EVENT_SOURCE_KERNEL,
                .settle_usec = 2 * USEC_PER_SEC,
                .leave_delay_usec = 10 * USEC_PER_SEC,
                .offline_timeout_usec = 30 * USEC_PER_SEC,
                .retry = {
                        .first_usec = USEC_PER_SEC,
                        .factor_permille = 2000,
                        .cap_usec = 60 * USEC_PER_SEC,
                        .attempts = 10,
                },
                .log_level = LOG_INFO,
        };
        policy_init(&conf->policy);
}

void conf_done(Conf *conf)
{
        if (!conf)
                return;
        policy_done(&conf->policy);
        strings_free(conf->files);
        strings_free(conf->paths);
        free(conf->digests);
        conf->files = NULL;
        conf->paths = NULL;
        conf->digests = NULL;
}
