/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl verify. */

#include "base/names.h"
#include "ctl/json.h"

#include <stdio.h>

/* One entry of Verify(). */
typedef struct Finding {
        const char *check;
        const char *subject;
        const char *finding;
        const char *advice;
} Finding;

static json_object *json_finding(const Finding *finding)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || !json_member_string(object, "check", finding->check) ||
            !json_member_string(object, "subject", finding->subject) ||
            !json_member_string(object, "finding", finding->finding) ||
            !json_member_string(object, "advice", finding->advice))
                return NULL;
        return TAKE_PTR(object);
}

static void print_finding(const Finding *finding, size_t n_before)
{
        printf("%s%s: %s\n", n_before > 0 ? "\n" : "", finding->subject, finding->finding);
        if (*finding->advice)
                printf("    %s\n", finding->advice);
}

/* Prints the findings, or adds them to the array unless it is NULL. */
static int read_findings(sd_bus_message *reply, json_object *array, size_t *n_findings)
{
        Finding finding;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', BUS_FINDING_SIGNATURE);
        while (r >= 0 &&
               (r = sd_bus_message_read(reply, BUS_FINDING_SIGNATURE, &finding.check,
                                        &finding.subject, &finding.finding, &finding.advice)) > 0) {
                if (!array)
                        print_finding(&finding, *n_findings);
                else if (!json_element(array, json_finding(&finding)))
                        return -ENOMEM;
                (*n_findings)++;
        }
        return r < 0 ? -EBADMSG : 0;
}

/* Prints the findings, then the kernel features, which are no findings. */
static int print_all(sd_bus_message *reply, const ManagerRow *manager)
{
        _cleanup_(json_object_putp) json_object *array = NULL;
        _cleanup_(json_object_putp) json_object *object = NULL;
        size_t n_findings = 0;
        int r;

        if (arg_json) {
                array = json_object_new_array();
                object = json_object_new_object();
                if (!array || !object)
                        return json_print(NULL);
        }
        r = read_findings(reply, array, &n_findings);
        if (r < 0)
                return call_failure(r, &SD_BUS_ERROR_NULL);
        if (arg_json) {
                r = json_member(object, "findings", TAKE_PTR(array)) &&
                                    json_member(object, "features", json_features(manager)) ?
                            json_print(TAKE_PTR(object)) :
                            json_print(NULL);
                if (r != EXIT_SUCCESS)
                        return r;
        } else {
                if (n_findings > 0 && manager->n_features > 0)
                        putchar('\n');
                features_print_verify(manager);
        }
        return n_findings == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int verb_verify(int argc, char **argv)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        int r;

        (void) argc;
        (void) argv;
        r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;
        r = manager_message_new(bus, BUS_MANAGER_INTERFACE, "Verify", &message);
        if (r >= 0)
                r = sd_bus_call(bus, message, 0, &error, &reply);
        if (r >= 0)
                r = snapshot_fetch_manager(bus, &snapshot, &error);
        return r < 0 ? call_failure(r, &error) : print_all(reply, &snapshot.manager);
}
