/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The method Verify() and the property KernelFeatures. */

#include "verify/verify.h"
#include "base/names.h"
#include "bus/object.h"

#include <sys/utsname.h>

static int append_findings(sd_bus_message *reply, const Findings *found)
{
        int r = sd_bus_message_open_container(reply, 'a', BUS_FINDING_SIGNATURE);

        for (size_t i = 0; r >= 0 && i < found->n_findings; i++) {
                const Finding *finding = &found->findings[i];

                r = sd_bus_message_append(reply, BUS_FINDING_SIGNATURE, finding->check,
                                          finding->subject, finding->text, finding->advice);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Runs the checks on this machine and its kernel. Returns 0 or a negative errno. */
static int find_findings(Manager *manager, Findings *ret)
{
        const ManagerView view = manager_view(manager);
        struct utsname name;
        const VerifyInput input = {
                .root = view.root,
                .sysfs = view.sysfs,
                .machine = view.machine,
                .conf = view.conf,
                .release = name.release,
                .hears_pressure = view.hears_pressure,
        };

        return uname(&name) < 0 ? -errno : verify(&input, ret);
}

static int find_features(Manager *manager, bool ret_has[static _FEATURE_MAX])
{
        const ManagerView view = manager_view(manager);
        struct utsname name;
        const FeatureInput input = {
                .sysfs = view.sysfs,
                .machine = view.machine,
                .release = name.release,
                .hears_pressure = view.hears_pressure,
        };

        if (uname(&name) < 0)
                return -errno;
        features_find(&input, ret_has);
        return 0;
}

int bus_method_verify(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        sd_bus_message *reply = NULL;
        Findings findings = {};
        int r = find_findings(userdata, &findings);

        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_findings(reply, &findings);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        findings_done(&findings);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot verify") : 1;
}

int bus_property_get_features(sd_bus *bus, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error)
{
        bool has[_FEATURE_MAX] = {};
        int r = find_features(userdata, has);

        (void) bus, (void) path, (void) interface, (void) property, (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_FEATURE_SIGNATURE);
        for (int i = 0; r >= 0 && i < _FEATURE_MAX; i++)
                r = sd_bus_message_append(reply, BUS_FEATURE_SIGNATURE,
                                          feature_to_string((Feature) i), (int) has[i],
                                          feature_brought_by((Feature) i));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
