/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Has a pager show long output, by the rules that systemctl(1) has for it. */

#include "base/parse.h"
#include "ctl/ctl.h"

#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

/* The options of less: systemd's own. They include K, which ends less at Ctrl-C. */
#define LESS_OPTIONS "FRSXMK"

#define PAGER_WORDS_MAX 16

/* Standard output while it is collected. */
static struct {
        FILE *real; /* NULL: nothing is collected */
        FILE *stream;
        char *text;
        size_t size;
} collected;

/* What the handlers of signals know. */
static volatile sig_atomic_t pager_pid, interrupted, terminated;

static void on_interrupt(int number)
{
        (void) number;
        interrupted = 1;
}

static void on_terminate(int number)
{
        (void) number;
        terminated = 1;
        if (pager_pid > 0)
                kill((pid_t) pager_pid, SIGTERM);
}

/* Returns the program that the user wants, "" for none, or NULL for any. */
static const char *wanted_pager(void)
{
        const char *pager = getenv("SYSTEMD_PAGER") ?: getenv("PAGER");

        if (pager && (pager[strspn(pager, " \t")] == '\0' || strcmp(pager, "cat") == 0))
                return "";
        return pager;
}

void pager_begin(void)
{
        const char *pager = wanted_pager();

        if (!arg_pager || !terminal_is_smart() || (pager && !*pager))
                return;
        collected.stream = open_memstream(&collected.text, &collected.size);
        if (!collected.stream)
                return;
        collected.real = stdout;
        stdout = collected.stream;
}

/* Whether another user may own the terminal, for whom the pager must not open a shell. */
static bool is_privileged(void)
{
        uid_t owner;

        return getenv("SUDO_UID") || sd_pid_get_owner_uid(0, &owner) < 0 || owner != geteuid();
}

typedef enum Security {
        SECURITY_OFF,      /* by SYSTEMD_PAGERSECURE: any pager */
        SECURITY_ON,       /* by SYSTEMD_PAGERSECURE: a pager that the user trusts */
        SECURITY_AUTO_OFF, /* one of the well-known pagers */
        SECURITY_AUTO_ON,  /* less, which can be told to do nothing but show */
} Security;

static Security find_security(void)
{
        const char *setting = secure_getenv("SYSTEMD_PAGERSECURE");

        if (!setting)
                return is_privileged() ? SECURITY_AUTO_ON : SECURITY_AUTO_OFF;
        if (parse_switch(setting) >= 0)
                return parse_switch(setting) > 0 ? SECURITY_ON : SECURITY_OFF;
        (void) failure("SYSTEMD_PAGERSECURE: expected yes or no, got '%s', assuming yes", setting);
        return SECURITY_AUTO_ON;
}

/* Returns the options of less that are in force. */
static const char *prepare_environment(Security security)
{
        const char *options = getenv("SYSTEMD_LESS") ?: LESS_OPTIONS;
        const char *charset = getenv("SYSTEMD_LESSCHARSET");

        if (!charset && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
                charset = "utf-8";
        setenv("LESS", options, true);
        if (charset)
                setenv("LESSCHARSET", charset, true);
        if (security == SECURITY_ON || security == SECURITY_AUTO_ON)
                setenv("LESSSECURE", "1", true);
        else
                unsetenv("LESSSECURE");
        return options;
}

/* Starts a program that reads from a file. 0, or a positive errno. */
static int spawn(char *const *words, int input, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, defaults;
        int r;

        sigemptyset(&none);
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGPIPE);
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return r;
        r = posix_spawnattr_init(&attributes);
        if (r == 0) {
                posix_spawnattr_setsigmask(&attributes, &none);
                posix_spawnattr_setsigdefault(&attributes, &defaults);
                posix_spawnattr_setflags(&attributes,
                                         POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
                r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
                if (r == 0)
                        r = posix_spawnp(ret, words[0], &actions, &attributes, words, environ);
                posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

/* The same with the words of a text. Blanks separate them. */
static int spawn_words(const char *text, int input, pid_t *ret)
{
        _cleanup_free_ char *copy = strdup(text);
        char *words[PAGER_WORDS_MAX + 1] = {}, *rest = NULL;
        size_t n = 0;

        for (char *word = copy ? strtok_r(copy, " \t", &rest) : NULL; word && n < PAGER_WORDS_MAX;
             word = strtok_r(NULL, " \t", &rest))
                words[n++] = word;
        return n > 0 ? spawn(words, input, ret) : ENOENT;
}

/* Starts the first pager that is there. Returns its name, or NULL. */
static const char *start_pager(Security security, int input, pid_t *ret)
{
        static const char *const known[] = { "pager", "less", "more" };
        bool is_trusted = security == SECURITY_ON || security == SECURITY_OFF;
        bool is_secure = security == SECURITY_ON || security == SECURITY_AUTO_ON;
        const char *pager = wanted_pager();

        if (is_trusted && pager && spawn_words(pager, input, ret) == 0)
                return pager;
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if ((!is_secure || strcmp(known[i], "less") == 0) &&
                    spawn_words(known[i], input, ret) == 0)
                        return known[i];
        return NULL;
}

/* Writes the text into the pipe, until the pager has quit. */
static void feed(int output)
{
        for (size_t done = 0; done < collected.size;) {
                ssize_t n = write(output, collected.text + done, collected.size - done);

                if (n < 0 && errno != EINTR)
                        return;
                done += n > 0 ? (size_t) n : 0;
        }
}

static void set_handler(int number, void (*handler)(int number))
{
        struct sigaction action = { .sa_handler = handler };

        sigemptyset(&action.sa_mask);
        sigaction(number, &action, NULL);
}

/* Ends memoryctl by the signal that came while the pager ran, so that the caller sees it. */
static void pass_signal_on(const char *pager, const char *less_options)
{
        /* less without K takes Ctrl-C as a command to itself. */
        bool is_for_less = (strcmp(pager, "less") == 0 || strcmp(pager, "pager") == 0) &&
                           !strchr(less_options, 'K');
        int number = terminated ? SIGTERM : interrupted && !is_for_less ? SIGINT : 0;

        if (number == 0)
                return;
        set_handler(number, SIG_DFL);
        raise(number);
}

/* Shows the text in a pager. Returns false if there is none. */
static bool show(void)
{
        Security security = find_security();
        const char *options = prepare_environment(security), *pager;
        int ends[2];
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return false;
        set_handler(SIGPIPE, SIG_IGN);
        set_handler(SIGINT, on_interrupt);
        set_handler(SIGTERM, on_terminate);
        pager = start_pager(security, ends[0], &pid);
        close(ends[0]);
        if (pager) {
                pager_pid = pid;
                if (terminated)
                        kill(pid, SIGTERM);
                feed(ends[1]);
        }
        close(ends[1]);
        while (pager && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager_pid = 0;
        pass_signal_on(pager ?: "", options);
        set_handler(SIGPIPE, SIG_DFL);
        set_handler(SIGINT, SIG_DFL);
        set_handler(SIGTERM, SIG_DFL);
        return pager;
}

static size_t count_lines(void)
{
        size_t n = 0;

        for (size_t i = 0; i < collected.size; i++)
                n += collected.text[i] == '\n';
        return n;
}

void pager_end(void)
{
        if (!collected.real)
                return;
        stdout = collected.real;
        collected.real = NULL;
        if (fclose(collected.stream) != 0)
                (void) failure("%s", strerror(ENOMEM));
        else if (count_lines() < terminal_height(STDOUT_FILENO) || !show())
                fwrite(collected.text, 1, collected.size, stdout);
        free(collected.text);
}
