/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Writes messages to the journal or to stderr. */

#include "base/log.h"

#include "base/text.h"

#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

#define MESSAGE_MAX 2048
#define FIELD_MAX 320

LogTarget log_target = LOG_TARGET_CONSOLE;
int log_level = LOG_INFO;

static const char *const log_target_table[_LOG_TARGET_MAX] = {
        [LOG_TARGET_CONSOLE] = "console",
        [LOG_TARGET_JOURNAL] = "journal",
};

DEFINE_STRING_TABLE(log_target, LogTarget)

static const char *const log_level_table[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "err",     [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

DEFINE_STRING_TABLE(log_level, int)

void log_open(void)
{
        /*
         * JOURNAL_STREAM is the "device:inode" of the socket to journald that is memoryd's stderr, see
         * systemd.exec(5).
         */
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        if (stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
            fstat(STDERR_FILENO, &st) >= 0 && st.st_dev == device && st.st_ino == inode)
                log_target = LOG_TARGET_JOURNAL;
}

typedef struct Fields {
        char text[8][FIELD_MAX];
        struct iovec iov[9];
        int n;
} Fields;

static _printf_(2, 3) void fields_add(Fields *fields, const char *format, ...)
{
        char *text = fields->text[fields->n];
        va_list args;

        va_start(args, format);
        text_vformat(text, FIELD_MAX, format, args);
        va_end(args);
        fields->iov[fields->n++] = (struct iovec){ text, strlen(text) };
}

static int log_to_journal(int level, const LogContext *context, char *message)
{
        Fields fields = { .n = 0 };

        fields_add(&fields, "PRIORITY=%d", level);
        fields_add(&fields, "SYSLOG_IDENTIFIER=memoryd");
        if (context && context->message_id)
                fields_add(&fields, "MESSAGE_ID=%s", context->message_id);
        if (context && context->has_block)
                fields_add(&fields, "MEMORYD_BLOCK=%u", context->block);
        if (context && (context->has_block || context->has_node) && context->node >= 0)
                fields_add(&fields, "MEMORYD_NODE=%d", context->node);
        if (context && context->rule)
                fields_add(&fields, "MEMORYD_RULE=%s", context->rule);
        if (context && context->job > 0)
                fields_add(&fields, "MEMORYD_JOB=%u", context->job);
        if (context && context->device)
                fields_add(&fields, "MEMORYD_DEVICE=%s", context->device);
        fields.iov[fields.n++] = (struct iovec){ message, strlen(message) };

        return sd_journal_sendv(fields.iov, fields.n);
}

void log_full(int level, const LogContext *context, const char *format, ...)
{
        static const char prefix[] = "MESSAGE=";
        char message[MESSAGE_MAX];
        int saved_errno = errno;
        va_list args;

        if (level > log_level)
                return;

        strcpy(message, prefix);
        va_start(args, format);
        text_vformat(message + strlen(prefix), sizeof(message) - strlen(prefix), format, args);
        va_end(args);

        if (log_target != LOG_TARGET_JOURNAL || log_to_journal(level, context, message) < 0)
                fprintf(stderr, "memoryd: %s\n", message + strlen(prefix));
        errno = saved_errno;
}
