/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/manager-private.h"

#include <sys/utsname.h>

int manager_find_features(Manager *manager, bool ret_has[static _FEATURE_MAX])
{
        struct utsname name;
        FeatureInput input = {
                .sysfs = &manager->sysfs,
                .machine = &manager->machine,
                .release = name.release,
                .hears_pressure = manager->pressure_source != NULL,
        };

        if (uname(&name) < 0)
                return -errno;
        features_find(&input, ret_has);
        return 0;
}

int manager_verify(Manager *manager, Findings *ret)
{
        struct utsname name = {};
        const VerifyInput input = {
                .root = manager->root,
                .sysfs = &manager->sysfs,
                .machine = manager_get_machine(manager),
                .conf = &manager->conf,
                .release = name.release,
                .hears_pressure = manager->pressure_source != NULL,
        };

        if (uname(&name) < 0)
                return -errno;
        return verify(&input, ret);
}
