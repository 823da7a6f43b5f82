/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks polkit whether a caller may do something. */

#include "bus/authority.h"

#include "base/log.h"
#include "base/macro.h"

/* Long enough for a user to type a password. */
#define POLKIT_TIMEOUT_USEC (5 * 60 * USEC_PER_SEC)

typedef struct Question {
        sd_bus_message *message;
        const char *action;
        const char *also; /* the action to ask for next, or NULL */
        AuthorityGranted granted;
        void *userdata;
        uint32_t uid;
} Question;

static void question_free(void *userdata)
{
        Question *question = userdata;

        sd_bus_message_unref(question->message);
        free(question);
}

static int deny(const Question *question)
{
        log_info("Denied %s to %s, user %u: %s", sd_bus_message_get_member(question->message),
                 sd_bus_message_get_sender(question->message), question->uid, question->action);
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

/* Copies a question for the next call: the slot of the last call frees the original. NULL: out of memory. */
static Question *question_copy(const Question *question)
{
        Question *copy = malloc(sizeof(*copy));

        if (!copy)
                return NULL;
        *copy = *question;
        sd_bus_message_ref(copy->message);
        return copy;
}

static int ask_next(const Question *question)
{
        Question *next = question_copy(question);

        if (!next)
                return deny(question);
        next->action = next->also;
        next->also = NULL;
        return ask_polkit(next) < 0 ? deny(question) : 1;
}

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const Question *question = userdata;
        int authorized = 0, challenge = 0;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL)) {
                log_info("polkit does not answer: %s", sd_bus_message_get_error(reply)->message);
                return deny(question);
        }
        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
                return deny(question);
        if (!authorized)
                return deny(question);
        return question->also ? ask_next(question) : grant(question);
}

/* Makes a call for the question. The slot of the call then owns the question. On failure it is freed. */
static int question_call(Question *question, sd_bus_message *call, sd_bus_message_handler_t handler,
                         uint64_t timeout_usec)
{
        sd_bus *bus = sd_bus_message_get_bus(question->message);
        sd_bus_slot *slot = NULL;
        int r = sd_bus_call_async(bus, &slot, call, handler, question, timeout_usec);

        if (r < 0) {
                question_free(question);
                return r;
        }
        sd_bus_slot_set_destroy_callback(slot, question_free);
        sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
        return 1;
}

static int ask_polkit(Question *question)
{
        sd_bus *bus = sd_bus_message_get_bus(question->message);
        int interactive = sd_bus_message_get_allow_interactive_authorization(question->message);
        sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(
                bus, &call, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");

        if (r >= 0)
                r = sd_bus_message_append(call, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                          sd_bus_message_get_sender(question->message),
                                          question->action);
        if (r >= 0)
                r = sd_bus_message_append(call, "a{ss}us", 0, interactive > 0 ? 1 : 0, NULL);
        if (r >= 0)
                r = question_call(question, call, on_polkit, POLKIT_TIMEOUT_USEC);
        else
                question_free(question);
        sd_bus_message_unref(call);
        return r;
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const Question *first = userdata;
        Question *next;
        uint32_t uid;
        int r;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_read(reply, "u", &uid) < 0)
                return deny(first);

        next = question_copy(first);
        if (!next)
                return deny(first);
        next->uid = uid;
        if (uid == 0) {
                r = grant(next);
                question_free(next);
                return r;
        }
        return ask_polkit(next) < 0 ? deny(first) : 1;
}

int authority_ask(sd_bus_message *message, const char *action, const char *also,
                  AuthorityGranted granted, void *userdata)
{
        sd_bus *bus = sd_bus_message_get_bus(message);
        Question *question = calloc(1, sizeof(*question));
        sd_bus_message *call = NULL;
        int r;

        if (!question)
                return -ENOMEM;
        *question = (Question){
                sd_bus_message_ref(message), action, also, granted, userdata, UINT32_MAX
        };

        r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.DBus",
                                           "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                           "GetConnectionUnixUser");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", sd_bus_message_get_sender(message));
        if (r >= 0)
                r = question_call(question, call, on_uid, 0);
        else
                question_free(question);
        sd_bus_message_unref(call);
        return r;
}
