/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a new configuration while memoryd runs. */

#include "daemon/reload.h"

#include "daemon/config-note.h"
#include "daemon/journal.h"

int reload_read(const char *root, const Sysfs *sysfs, Conf *ret, char ***ret_faults)
{
        ConfFaults faults = {};
        int r = conf_load(root, ret, &faults);

        if (r == 0) {
                conf_note_log(ret, sysfs);
                log_info("Configuration reloaded");
        } else if (r > 0) {
                (void) conf_faults_format(&faults, ret_faults);
                journal_config_refused(*ret_faults);
        } else {
                log_err("Cannot reload the configuration: %s", strerror(-r));
        }
        conf_faults_done(&faults);
        return r;
}
