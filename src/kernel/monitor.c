/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Receives uevents, and has the kernel report memory pressure. */

#include "kernel/monitor.h"

#include "base/log.h"

#include <fcntl.h>
#include <libudev.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>

#define BUFFER_BYTES (128 << 20)

void monitor_free(Monitor *monitor)
{
        /* libudev's monitor has no reference to its context. */
        struct udev *udev = monitor ? udev_monitor_get_udev(monitor) : NULL;

        udev_monitor_unref(monitor);
        udev_unref(udev);
}

int monitor_open_socket(void)
{
        _cleanup_close_ int fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
        const int bytes = BUFFER_BYTES, yes = 1;

        /* The second is what libudev sets: it takes events of root only. */
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/*
 * Has the monitor use another socket, under the number of its own. libudev binds its socket when it is to receive
 * (systemd 252), or has already bound it when it made it (257): then binds the other to the same events.
 */
static int replace_socket(Monitor *monitor, int socket_fd)
{
        int fd = udev_monitor_get_fd(monitor);
        struct sockaddr_nl address = {};
        socklen_t size = sizeof(address);
        bool is_bound;

        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0)
                return -errno;
        is_bound = address.nl_pid != 0;
        /* The kernel chooses the number, which the first socket has. */
        address.nl_pid = 0;
        if (is_bound && bind(socket_fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return dup3(socket_fd, fd, O_CLOEXEC) < 0 ? -errno : 0;
}

/* Sets how much the monitor can receive, by a socket that has a buffer, or without one, as far as it may. */
static int set_buffer(Monitor *monitor, int socket_fd)
{
        int r;

        if (socket_fd >= 0)
                return replace_socket(monitor, socket_fd);
        r = udev_monitor_set_receive_buffer_size(monitor, BUFFER_BYTES);
        if (r < 0)
                log_debug("Cannot have a receive buffer of %d MiB for uevents: %s",
                          BUFFER_BYTES >> 20, strerror(-r));
        return 0;
}

int monitor_new(EventSource source, int socket_fd, Monitor **ret)
{
        _cleanup_(monitor_freep) Monitor *monitor = NULL;
        struct udev *udev = udev_new();
        int r;

        if (!udev)
                return -ENOMEM;
        monitor = udev_monitor_new_from_netlink(udev,
                                                source == EVENT_SOURCE_UDEV ? "udev" : "kernel");
        if (!monitor) {
                r = errno > 0 ? -errno : -EIO;
                udev_unref(udev);
                return r;
        }

        r = udev_monitor_filter_add_match_subsystem_devtype(monitor, "memory", NULL);
        if (r < 0)
                return r;
        r = set_buffer(monitor, socket_fd);
        if (r >= 0)
                r = udev_monitor_enable_receiving(monitor);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(monitor);
        return 0;
}

uint64_t monitor_read_udev_mask(Monitor *monitor, const Policy *policy, uint32_t block)
{
        struct udev_device *device;
        uint64_t mask = 0;
        char name[24];

        if (policy->n_udev_properties == 0)
                return 0;
        snprintf(name, sizeof(name), "memory%u", block);
        device = udev_device_new_from_subsystem_sysname(udev_monitor_get_udev(monitor), "memory",
                                                        name);
        if (!device)
                return 0;
        for (size_t i = 0; i < policy->n_udev_properties; i++) {
                const UdevProperty *property = &policy->udev_properties[i];
                const char *value = udev_device_get_property_value(device, property->name);

                if (value && strcmp(value, property->value) == 0)
                        mask |= UINT64_C(1) << i;
        }
        udev_device_unref(device);
        return mask;
}

int monitor_get_fd(Monitor *monitor)
{
        return udev_monitor_get_fd(monitor);
}

/*
 * Returns the node that the kernel told with an event. The kernel always tells state, zone and
 * group as well. A single property could be set by a udev rule, on a kernel whose blocks have no
 * node yet.
 */
static int32_t read_node(struct udev_device *device)
{
        static const char *const others[] = { "MEMORY_STATE", "MEMORY_ZONE", "MEMORY_GROUP" };
        const char *value = udev_device_get_property_value(device, "MEMORY_NODE");
        uint32_t node;

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (!udev_device_get_property_value(device, others[i]))
                        return NODE_NONE;
        return value && parse_u32(value, &node) >= 0 && node < NODE_MAX ? (int32_t) node :
                                                                          NODE_NONE;
}

static int classify(struct udev_device *device, MonitorEvent *ret)
{
        const char *name = udev_device_get_sysname(device);
        const char *action = udev_device_get_action(device);

        if (!name || strncmp(name, "memory", 6) != 0 || parse_u32(name + 6, &ret->block) < 0) {
                log_warning("Event for '%s' in the memory subsystem, expected memoryN, ignoring",
                            name ? name : "");
                return MONITOR_IGNORE;
        }

        ret->seqnum = udev_device_get_seqnum(device);
        ret->node = read_node(device);
        if (ret->node == NODE_NONE)
                log_debug("Event '%s' for %s", action ? action : "", name);
        else
                log_debug("Event '%s' for %s on node %d", action ? action : "", name, ret->node);
        if (!action)
                return MONITOR_IGNORE;
        if (strcmp(action, "add") == 0)
                return MONITOR_ADDED;
        if (strcmp(action, "remove") == 0)
                return MONITOR_REMOVED;
        if (strcmp(action, "online") == 0)
                return MONITOR_ONLINE;
        return strcmp(action, "offline") == 0 ? MONITOR_OFFLINE : MONITOR_BLOCK;
}

int monitor_next(Monitor *monitor, MonitorEvent *ret)
{
        struct udev_device *device;
        int r;

        errno = 0;
        device = udev_monitor_receive_device(monitor);
        if (!device) {
                /* EINVAL: libudev cannot parse the event, so it is unknown which block it was about. */
                if (errno == ENOBUFS || errno == EINVAL)
                        return MONITOR_LOST;
                return errno == 0 || errno == EAGAIN || errno == EINTR ? MONITOR_NONE : -errno;
        }

        r = classify(device, ret);
        udev_device_unref(device);
        return r;
}

int pressure_open(const Sysfs *sysfs)
{
        /*
         * The kernel reports when some task has waited for at least a microsecond within 2 s: a
         * kernel that finds nothing to reclaim gives up within milliseconds, and lets no task wait
         * after that. Windows of another length need CAP_SYS_RESOURCE on every kernel. The kernel
         * accepts the final NUL.
         */
        static const char trigger[] = "some 1 2000000";
        _cleanup_close_ int fd =
                openat(sysfs->proc_fd, "pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0 || write(fd, trigger, sizeof(trigger)) < 0)
                return -errno;
        return TAKE_FD(fd);
}
