/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The command line of memoryd, its set-up and its event loop. */

#include "actuator/takeover.h"
#include "base/format.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "bus/bus.h"
#include "daemon/capacity.h"
#include "daemon/config-note.h"
#include "daemon/crash.h"
#include "daemon/handover.h"
#include "daemon/journal.h"

#include "config.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

static const char *arg_root = "";
static const char *arg_user = MEMORYD_USER;
static const char *arg_operand; /* the file to check, or the interface to print */
enum {
        ACTION_RUN,
        ACTION_HAND_OVER,
        ACTION_AFTER_STOP,
        ACTION_CHECK_CONFIG,
        ACTION_INTROSPECT,
        ACTION_EXIT
};
static int arg_action = ACTION_RUN;

/* Signals that the event loop takes: two end memoryd, and SIGHUP reloads the configuration. */
static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

typedef struct Daemon {
        sd_event *event;
        Manager *manager;
        Bus *bus;
        const char *runtime_folder;
} Daemon;

static void daemon_done(Daemon *daemon)
{
        bus_free(daemon->bus);
        manager_free(daemon->manager);
        sd_event_unref(daemon->event);
}

/* Prints faults, or notes about rules that have no effect on this machine. */
static void print_faults(const ConfFaults *faults)
{
        for (size_t i = 0; i < faults->n_faults; i++) {
                _cleanup_free_ char *text = NULL;

                if (conf_fault_format(&faults->faults[i], &text) >= 0)
                        fprintf(stderr, "%s\n", text);
        }
}

static int check_config(void)
{
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        _cleanup_(sysfs_close) Sysfs sysfs = SYSFS_CLOSED;
        _cleanup_(conf_done) Conf conf;
        int r;

        conf_init(&conf);
        r = arg_operand ? conf_load_file(arg_operand, &conf, &faults) :
                          conf_load(arg_root, &conf, &faults);
        if (r == 0 && sysfs_open("", &sysfs) >= 0)
                conf_note(&conf, &sysfs, &faults);
        if (r >= 0)
                print_faults(&faults);
        else
                fprintf(stderr, "memoryd: Cannot read the configuration: %s\n", strerror(-r));
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The folder of the link belongs to root: the user memoryd could replace files of the configuration there. */
static int hand_over(void)
{
        int r = capacity_link(RUNTIME_FOLDER);

        if (r < 0)
                fprintf(stderr, "memoryd: Cannot link to the file with the capacity: %s\n",
                        strerror(-r));
        r = handover_give();
        if (r < 0)
                fprintf(stderr, "memoryd: Cannot hand anything over to the service manager: %s\n",
                        strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int introspect(void)
{
        int r = bus_introspect(stdout, arg_operand);
        char name[256];

        if (r == -ENXIO)
                fprintf(stderr, "memoryd: no interface '%s', see org.memoryd1(5)\n",
                        text_format(name, sizeof(name), "%s", arg_operand));
        else if (r < 0)
                fprintf(stderr, "memoryd: Cannot introspect: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Sends the line that `systemctl status` shows. */
static void notify_status(Daemon *daemon)
{
        const ManagerView view = manager_view(daemon->manager);
        const Totals *totals = &view.machine->totals;
        char kernel[FORMAT_BYTES_MAX], movable[FORMAT_BYTES_MAX], nodes[64] = "";

        if (!node_set_is_empty(view.short_nodes))
                format_nodes(view.short_nodes, nodes, sizeof(nodes));

        (void) sd_notifyf(
                0,
                "STATUS=%s kernel, %s movable memory online; blocks pending: %u, failed: %u, "
                "foreign: %u%s%s%s%s",
                format_bytes(totals->kernel_bytes, kernel),
                format_bytes(totals->movable_bytes, movable), totals->pending_blocks,
                totals->failed_blocks, totals->foreign_blocks,
                *nodes ? "; short of kernel memory: node " : "", nodes,
                view.faults ? "; configuration refused: " : "", view.faults ? view.faults[0] : "");
}

/* Runs after every event, and publishes the changes. */
static int on_post(sd_event_source *source, void *userdata)
{
        Daemon *daemon = userdata;
        CountedBlock counted;
        Changes changes;

        (void) source;
        if (manager_take_counted(daemon->manager, &counted))
                bus_counted(daemon->bus, &counted);
        if (!manager_take_changes(daemon->manager, &changes))
                return 0;
        bus_publish(daemon->bus, &changes);
        notify_status(daemon);
        changes_done(&changes);
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Daemon *daemon = userdata;

        (void) source;
        if (info->ssi_signo == SIGHUP) {
                (void) manager_reload(daemon->manager);
        } else {
                (void) sd_notify(0, "STOPPING=1");
                crash_note_stop(daemon->runtime_folder);
                manager_stop(daemon->manager);
        }
        return 0;
}

/*
 * Publishes the last changes at the end. Once the loop is to end, it dispatches only exit sources, and sd-bus
 * closes its connection in one of them. This one comes before that, so that clients that wait for a job learn
 * how it ended.
 */
static int publish_at_exit(Daemon *daemon)
{
        _cleanup_(sd_event_source_unrefp) sd_event_source *source = NULL;
        int r = sd_event_add_exit(daemon->event, &source, on_post, daemon);

        if (r >= 0)
                r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
        return r < 0 ? r : sd_event_source_set_floating(source, true);
}

static int daemon_start(Daemon *daemon)
{
        int r = manager_start(daemon->manager);

        if (r >= 0)
                r = bus_new(daemon->event, daemon->manager, &daemon->bus);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                r = sd_event_add_signal(daemon->event, NULL, signals[i], on_signal, daemon);
        if (r >= 0)
                r = sd_event_add_post(daemon->event, NULL, on_post, daemon);
        if (r >= 0)
                r = publish_at_exit(daemon);
        if (r >= 0)
                r = sd_event_set_watchdog(daemon->event, true);
        return r;
}

/* Logs why memoryd ends. Returns the exit code. */
static int fail(int code, const char *what, int error)
{
        log_err("%s: %s", what, strerror(-error));
        return code;
}

static int load_config(Conf *conf, const Sysfs *sysfs)
{
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        int r = conf_load(arg_root, conf, &faults);

        if (r < 0)
                return fail(EXIT_INTERNAL, "Cannot read the configuration", r);
        if (r > 0) {
                journal_faults(&faults, LOG_ERR, MESSAGE_ID_CONFIG_REFUSED);
                return EXIT_FAILURE;
        }
        log_level = conf->log_level;
        conf_note_log(conf, sysfs);
        return 0;
}

static int loop(Setup *setup, Conf *conf)
{
        _cleanup_(daemon_done) Daemon daemon = { .runtime_folder = setup->runtime_folder };
        char size[FORMAT_BYTES_MAX];
        const Machine *machine;
        int r = sd_event_new(&daemon.event);

        if (r >= 0)
                r = manager_new(daemon.event, setup, conf, &daemon.manager);
        if (r >= 0)
                r = daemon_start(&daemon);
        if (r < 0)
                return fail(r == -EBADMSG ? EXIT_FAILURE : EXIT_INTERNAL, "Cannot start", r);

        machine = manager_view(daemon.manager).machine;
        log_info("memoryd " PACKAGE_VERSION ": %zu blocks of %s on %zu nodes", machine->n_blocks,
                 format_bytes(machine->block_size_bytes, size), machine->n_nodes);
        notify_status(&daemon);
        (void) sd_notify(0, "READY=1");
        return sd_event_loop(daemon.event);
}

/*
 * Restores auto_online_blocks if memoryd is not going to run, since an earlier memoryd may have been killed: the
 * kernel has to online memory by itself again.
 */
static void abandon(const Setup *setup)
{
        int r = takeover_abandon(setup->runtime_folder, &setup->sysfs, setup->actuator.fd);

        if (r > 0)
                log_notice("Put auto_online_blocks back");
        else if (r < 0)
                log_warning("Cannot put auto_online_blocks back: %s, ignoring", strerror(-r));
}

static uint64_t boottime_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

/* Waits if memoryd has crashed again and again: systemd starts it at once, and without end. */
static void wait_after_crashes(const Setup *setup)
{
        unsigned n = crash_count(setup->runtime_folder, boottime_usec());
        unsigned delay_sec = crash_delay_sec(n);

        if (delay_sec == 0)
                return;
        log_warning("memoryd ended unexpectedly %u times in a row, and starts in %u s; until then "
                    "memory comes online as if there was no memoryd",
                    n, delay_sec);
        /* The limit for a start may be shorter. A minute is left for the start itself. */
        (void) sd_notifyf(0,
                          "STATUS=Waiting for %u s after %u crashes\nEXTEND_TIMEOUT_USEC=%" PRIu64,
                          delay_sec, n, (delay_sec + 60) * USEC_PER_SEC);
        sleep(delay_sec);
}

static int run(Setup *setup)
{
        sigset_t blocked;
        Conf conf;
        int r;

        wait_after_crashes(setup);
        conf_init(&conf);
        r = setup_open(setup, true);
        if (r == 0)
                r = load_config(&conf, &setup->sysfs);

        /*
         * From here on the event loop takes these signals, and SIGCHLD of the children that it starts. The
         * actuator, forked earlier, ignores them.
         */
        sigemptyset(&blocked);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&blocked, signals[i]);
        sigaddset(&blocked, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &blocked, NULL);

        if (r == 0)
                r = loop(setup, &conf);
        else if (setup->actuator.fd >= 0)
                abandon(setup);
        conf_done(&conf);
        return r < 0 ? EXIT_INTERNAL : r;
}

/*
 * Whether memoryd crashed, so that systemd starts it again: what systemd tells ExecStopPost= of the unit in the
 * environment (systemd.exec(5)) against Restart= and RestartPreventExitStatus= there. A time-out is mostly that of
 * a stop.
 */
static bool has_crashed(void)
{
        const char *result = getenv("SERVICE_RESULT"), *code = getenv("EXIT_CODE"),
                   *status = getenv("EXIT_STATUS");
        const int final[] = { EXIT_FAILURE, EXIT_USAGE, EXIT_NO_HOTPLUG };

        if (!result || strcmp(result, "success") == 0 || strcmp(result, "timeout") == 0)
                return false;
        for (size_t i = 0; code && status && i < ELEMENTSOF(final); i++)
                if (strcmp(code, "exited") == 0 && atoi(status) == final[i])
                        return false;
        return true;
}

/* Runs when memoryd has ended: counts a crash, and gives the kernel its setting back. Returns an exit code. */
static int after_stop(Setup *setup)
{
        int n = 0, r;

        /* There was nothing to take over, as memoryd has told. */
        if (access("/sys/devices/system/memory", F_OK) < 0)
                return EXIT_SUCCESS;
        r = setup_open(setup, false);
        if (r != 0)
                return r;
        if (has_crashed())
                n = crash_add(setup->runtime_folder, boottime_usec());
        else
                crash_forget(setup->runtime_folder);
        if (n < 0)
                log_warning("Cannot count the crashes of memoryd below %s: %s, ignoring",
                            setup->runtime_folder, strerror(-n));
        /* The next memoryd goes on with what this one has set, if it comes at once. */
        if (n <= 0 || crash_delay_sec((unsigned) n) > 0)
                abandon(setup);
        return EXIT_SUCCESS;
}

/* Runs what needs the setup. */
static int with_setup(int (*function)(Setup *setup))
{
        char runtime_folder[PATH_MAX];
        Setup setup = {
                .root = arg_root,
                .runtime_folder = runtime_folder,
                .user = arg_user,
                SETUP_CLOSED,
        };
        int r;

        snprintf(runtime_folder, sizeof(runtime_folder), "%s" RUNTIME_FOLDER, arg_root);
        r = function(&setup);
        setup_done(&setup);
        return r;
}

static void print_help(void)
{
        printf("memoryd [OPTIONS]\n\n"
               "Decide what hot-added memory becomes, and online it.\n\n"
               "  -h, --help                 show this help\n"
               "  -V, --version              show the version\n"
               "      --after-stop           restore auto_online_blocks after memoryd has ended\n"
               "      --check-config [FILE]  check the configuration, or FILE alone, and exit\n"
               "      --hand-over            open files for memoryd as root, before it starts\n"
               "      --introspect [INTERFACE]\n"
               "                             print the D-Bus introspection data of INTERFACE, or "
               "of\n"
               "                             all, and exit\n"
               "      --root DIR             configuration and runtime state are below DIR\n"
               "      --user USER            run the main process as USER (memoryd)\n\n"
               "See memoryd(8) and memoryd.conf(5).\n");
}

/* What getopt_long() returns for options without a letter. */
enum { OPTION_ROOT = 256, OPTION_USER };

/* Quotes an argument, which may have any bytes. Returns -EINVAL. */
static int refuse_argument(const char *what, const char *argument)
{
        char text[256];

        fprintf(stderr, "memoryd: %s '%s', see memoryd --help\n", what,
                text_format(text, sizeof(text), "%s", argument));
        return -EINVAL;
}

/* Quotes what getopt_long() refused: a letter, since the word may have more of them, or else the word. */
static int refuse_option(char **argv)
{
        const char letter[] = { '-', (char) optopt, '\0' };
        bool is_letter =
                optopt < 0 || (optopt >= ' ' && optopt < OPTION_ROOT && !strchr("hV", optopt));

        return refuse_argument("bad option", is_letter ? letter : argv[optind - 1]);
}

static int parse_args(int argc, char **argv)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { "after-stop", no_argument, &arg_action, ACTION_AFTER_STOP },
                { "hand-over", no_argument, &arg_action, ACTION_HAND_OVER },
                { "check-config", no_argument, &arg_action, ACTION_CHECK_CONFIG },
                { "introspect", no_argument, &arg_action, ACTION_INTROSPECT },
                { "root", required_argument, NULL, OPTION_ROOT },
                { "user", required_argument, NULL, OPTION_USER },
                {},
        };
        int c;

        opterr = 0; /* the message of getopt_long() has the bytes as they are */
        while ((c = getopt_long(argc, argv, "hV", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        print_help();
                        arg_action = ACTION_EXIT;
                        return 0;
                case 'V':
                        printf("memoryd " PACKAGE_VERSION "\n");
                        arg_action = ACTION_EXIT;
                        return 0;
                case 0: /* getopt_long() has set arg_action */
                        break;
                case OPTION_ROOT:
                        arg_root = optarg;
                        break;
                case OPTION_USER:
                        arg_user = optarg;
                        break;
                default:
                        return refuse_option(argv);
                }

        if ((arg_action == ACTION_CHECK_CONFIG || arg_action == ACTION_INTROSPECT) && optind < argc)
                arg_operand = argv[optind++];
        return optind < argc ? refuse_argument("unexpected argument", argv[optind]) : 0;
}

int main(int argc, char **argv)
{
        log_open();
        if (parse_args(argc, argv) < 0)
                return EXIT_USAGE;

        switch (arg_action) {
        case ACTION_EXIT:
                return EXIT_SUCCESS;
        case ACTION_CHECK_CONFIG:
                return check_config();
        case ACTION_INTROSPECT:
                return introspect();
        case ACTION_HAND_OVER:
                return hand_over();
        case ACTION_AFTER_STOP:
                return with_setup(after_stop);
        default:
                return with_setup(run);
        }
}
