/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Asks polkit whether a caller may do something. */

#include "base/log.h"
#include "bus/log-limit.h"
#include "bus/object.h"
#include "bus/turn.h"

#include <time.h>

/* Long enough for a user to type a password. */
#define POLKIT_TIMEOUT_USEC (5 * 60 * USEC_PER_SEC)

/* What is logged of an error at most. */
#define POLKIT_ERROR_MAX 512

typedef struct Question {
        unsigned n_refs; /* by authority_ask(), and by the calls to the bus and to polkit */
        sd_bus_message *message;
        const char *action;
        const char *also; /* the action to ask for next, or NULL */
        AuthorityGranted granted;
        void *userdata;
        uint32_t uid;
        bool is_claimed; /* counted as a question of the user */
} Question;

static void question_unref(void *userdata)
{
        Question *question = userdata;

        if (--question->n_refs > 0)
                return;
        if (question->is_claimed)
                turn_release(question->uid, CLAIM_QUESTION);
        sd_bus_message_unref(question->message);
        free(question);
}

static void log_left_out(uint32_t uid, unsigned n)
{
        if (n > 0 && uid == LOG_LIMIT_OTHERS)
                log_info("Denied %u more calls to other users", n);
        else if (n > 0)
                log_info("Denied %u more calls to user %u", n, uid);
}

/* Logs a denial, unless the user has had many. `why` begins with a space, or is empty. */
static void log_denial(const Question *question, const char *why)
{
        static LogLimit limit;
        uint64_t now_usec = 0;
        LogLimitAnswer answer;
        unsigned n_left_out;
        uint32_t uid;

        (void) sd_event_now(sd_bus_get_event(sd_bus_message_get_bus(question->message)),
                            CLOCK_MONOTONIC, &now_usec);
        while (log_limit_end_period(&limit, now_usec, &uid, &n_left_out))
                log_left_out(uid, n_left_out);
        answer = log_limit_count(&limit, question->uid, now_usec);
        if (answer == LOG_LIMIT_LEAVE_OUT)
                return;
        log_info("Denied %s to %s, user %u: %s%s", sd_bus_message_get_member(question->message),
                 sd_bus_message_get_sender(question->message), question->uid, question->action,
                 why);
        if (answer == LOG_LIMIT_LOG_LAST)
                log_info("Further denials of user %u are only counted for a while", question->uid);
}

/* `why` says what is wrong besides the missing right: see log_denial(). */
static int deny(const Question *question, const char *why)
{
        log_denial(question, why);
        return sd_bus_reply_method_errorf(question->message, SD_BUS_ERROR_ACCESS_DENIED,
                                          "Not authorized: %s needs the polkit action %s",
                                          sd_bus_message_get_member(question->message),
                                          question->action);
}

static int grant(const Question *question)
{
        log_notice("%s called by %s, user %u", sd_bus_message_get_member(question->message),
                   sd_bus_message_get_sender(question->message), question->uid);
        return question->granted(question->message, question->uid, question->userdata);
}

static int ask_polkit(Question *question);

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Question *question = userdata;
        int authorized = 0, challenge = 0;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL)) {
                char why[POLKIT_ERROR_MAX];

                snprintf(why, sizeof(why), " (polkit does not answer: %s)",
                         sd_bus_message_get_error(reply)->message);
                return deny(question, why);
        }
        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0 || !authorized)
                return deny(question, "");
        if (!question->also)
                return grant(question);
        question->action = TAKE_PTR(question->also);
        return ask_polkit(question) < 0 ? deny(question, "") : 1;
}

/* Has the slot of a call refer to the question. */
static int question_keep(Question *question, sd_bus_slot *slot)
{
        question->n_refs++;
        sd_bus_slot_set_destroy_callback(slot, question_unref);
        sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
        return 1;
}

static int ask_polkit(Question *question)
{
        sd_bus *bus = sd_bus_message_get_bus(question->message);
        sd_bus_slot *slot = NULL;
        int interactive = sd_bus_message_get_allow_interactive_authorization(question->message);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(
                bus, &call, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");

        if (r >= 0)
                r = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name",
                                          "s", sd_bus_message_get_sender(question->message),
                                          question->action, 0, interactive > 0 ? 1 : 0, NULL);
        if (r >= 0)
                r = sd_bus_call_async(bus, &slot, call, on_polkit, question, POLKIT_TIMEOUT_USEC);
        return r < 0 ? r : question_keep(question, slot);
}

int authority_ask(sd_bus_message *message, const char *action, const char *also,
                  AuthorityGranted granted, void *userdata, sd_bus_error *error)
{
        Question *question = malloc(sizeof(*question));
        int r;

        if (!question)
                return bus_error_from_errno(error, -ENOMEM, "Cannot ask for authorization");
        *question = (Question){
                .n_refs = 1,
                .message = sd_bus_message_ref(message),
                .action = action,
                .also = also,
                .granted = granted,
                .userdata = userdata,
                .uid = turn_uid(message),
        };
        if (question->uid == 0)
                r = grant(question);
        else {
                r = turn_claim(question->uid, CLAIM_QUESTION, "Calls that wait for polkit", error);
                question->is_claimed = r >= 0;
                if (r >= 0)
                        r = ask_polkit(question) < 0 ? deny(question, "") : 1;
        }
        question_unref(question);
        /* To reply to a call that expects no reply returns 0. */
        return r < 0 ? r : 1;
}
