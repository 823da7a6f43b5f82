/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

/* Well-known names and numbers, on which clients, units and documents rely. */

#define BUS_NAME "org.memoryd1"
#define BUS_PATH "/org/memoryd1"
#define BUS_NODE_PREFIX BUS_PATH "/node"
#define BUS_JOB_PREFIX BUS_PATH "/job"
#define BUS_MANAGER_INTERFACE "org.memoryd1.Manager"
#define BUS_NODE_INTERFACE "org.memoryd1.Node"
#define BUS_ZONE_INTERFACE "org.memoryd1.Zone"
#define BUS_JOB_INTERFACE "org.memoryd1.Job"

#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"

/* The polkit actions, one for each kind of change. The first covers Reload(), Rescan() and RescanAll(). */
#define POLKIT_ACTION_RELOAD "org.memoryd1.reload"
#define POLKIT_ACTION_ONLINE "org.memoryd1.online"
#define POLKIT_ACTION_OFFLINE "org.memoryd1.offline"
#define POLKIT_ACTION_SET_ZONE "org.memoryd1.set-zone"
#define POLKIT_ACTION_FORCE                                                                        \
        "org.memoryd1.force" /* needed in addition to the action of the change */

/* The errors of org.memoryd1(5), in addition to those that D-Bus defines. */
#define BUS_ERROR_INVALID_CONFIG "org.memoryd1.Error.InvalidConfig"
#define BUS_ERROR_NO_SUCH_BLOCK "org.memoryd1.Error.NoSuchBlock"
#define BUS_ERROR_INVALID_ADDITION "org.memoryd1.Error.InvalidAddition"
#define BUS_ERROR_NO_SUCH_JOB "org.memoryd1.Error.NoSuchJob"
#define BUS_ERROR_TOO_MANY_JOBS "org.memoryd1.Error.TooManyJobs"

/* The prefix of the errors for refused requests. A name for each Refusal follows it. */
#define BUS_ERROR_PREFIX "org.memoryd1.Error."

/* An entry of ListBlocks(). See org.memoryd1(5) for the fields. */
#define BUS_BLOCK_SIGNATURE "(uisssssssiss)"

/* An entry of History() and an entry of Plan(). */
#define BUS_HISTORY_MEMBERS "tta(uu)uissssssis"
#define BUS_HISTORY_SIGNATURE "(" BUS_HISTORY_MEMBERS ")"
#define BUS_PLAN_SIGNATURE "(uuisbsssssss)"

/* The fields of an entry of Preview(). */
#define BUS_EFFECT_FIELDS "issa(uu)ttt"

/* An entry of ListJobs(), of a job's failures, of Verify() and VerifyNotes(), and of KernelFeatures. */
#define BUS_JOB_SIGNATURE "(uosssssuuuu)"
#define BUS_FAILURE_SIGNATURE "(uis)"
#define BUS_FINDING_SIGNATURE "(ssss)"
#define BUS_FEATURE_SIGNATURE "(sbs)"

/* The settings and the rules of GetPolicy(). */
#define BUS_SETTING_SIGNATURE "(svssu)"
#define BUS_RULE_SIGNATURE "(ssusba(ss))"

/* A file of ReadConfig(). */
#define BUS_FILE_SIGNATURE "(sss)"

/* An entry of FailedDevices, and of ListCxlDevices(). */
#define BUS_DEVICE_SIGNATURE "(sts)"
#define BUS_CXL_SIGNATURE "(sss)"

/* Entries of arrays in the answer of GetMetrics(). */
#define BUS_COUNT_SIGNATURE "(sst)"
#define BUS_ERROR_COUNT_SIGNATURE "(it)"
#define BUS_BUCKET_SIGNATURE "(tt)"
#define BUS_RATIO_SIGNATURE "(itt)"

/* What the pages of a block are used for: an entry of CountPages(). */
#define BUS_PAGES_SIGNATURE "(ua(stt))"

/* The user that the main process runs as. */
#define MEMORYD_USER "memoryd"

/* The folder of the state that outlives memoryd, but not a reboot. */
#define RUNTIME_FOLDER "/run/memoryd/state"

/* Exit codes of memoryd(8). */
#define EXIT_USAGE 2       /* the command line is wrong */
#define EXIT_NO_HOTPLUG 69 /* EX_UNAVAILABLE: this kernel has no memory hotplug */
#define EXIT_INTERNAL 70   /* EX_SOFTWARE: memoryd cannot go on; systemd restarts the unit */

/* MESSAGE_IDs, each with an entry in memoryd.catalog. */
#define MESSAGE_ID_BLOCK_FAILED "72671be2033c4e72bf8dfa23339b8792"
#define MESSAGE_ID_FOREIGN_BLOCK "17217b95fe9c416bb92da695e22ddb3c"
#define MESSAGE_ID_BURST_DONE "86e54a6ee7e14810889e2a1fea2c9948"
#define MESSAGE_ID_CONFIG_REFUSED "5e0ab7d9d9644619a28a34a4e38bf3e1"
#define MESSAGE_ID_NO_HOTPLUG "84ceba2e7641462392f67da1f4b9c351"
#define MESSAGE_ID_JOB_ENDED "e88db2008e514b28b250df08cb016a50"
#define MESSAGE_ID_EVENTS_LOST "09b4157c40884a918d3551a08eba5182"
#define MESSAGE_ID_AUTO_ONLINE_FOREIGN "344078eae2ab4e0ebb4a294b1d9ec7ef"
#define MESSAGE_ID_UNPLUG_REFUSED "252caeb63de04737a665b1dbcf2af15d"
#define MESSAGE_ID_KERNEL_MEMORY_SHORT "b33b5fab10184b99b9a4d2f7efaf6cc4"
#define MESSAGE_ID_ACTUATOR_HANGS "b4c0560ae221462ba67d4e558fec2e3e"
#define MESSAGE_ID_DEVICE_FAILED "1b019ed044ad4c7f9fd6c29dfaf7c4f4"
