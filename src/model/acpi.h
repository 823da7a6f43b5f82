/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/device.h"

/*
 * ACPI memory devices that are present, but have no memory blocks: the kernel is about to add their memory,
 * or could not. Pure values.
 */

/* The kernel could not add the memory of a device if it made no progress for this long. */
#define ACPI_PATIENCE_USEC (2 * USEC_PER_SEC)

/* The longest time in which memory that may be that of a device counts as progress. */
#define ACPI_PROGRESS_USEC (60 * USEC_PER_SEC)

typedef struct AcpiDevice {
        char name[DEVICE_NAME_MAX]; /* "PNP0C80:1f" */
        uint64_t size_bytes;        /* 0: not known */
        uint64_t seen_usec;         /* when it was first seen */
        uint64_t since_usec;        /* when it was first seen, or the kernel last made progress */
        unsigned n_old;             /* see AcpiAdding, when it was first seen */
        bool failed;                /* the kernel could not add its memory */
        bool told;                  /* the failure is in the journal */
} AcpiDevice;

typedef struct AcpiDevices {
        AcpiDevice *devices; /* owned, in no particular order */
        size_t n_devices;
        size_t n_failed;
        bool is_off;              /* the administrator has switched ACPI memory hotplug off */
        bool has_own_structures;  /* the kernel may take page structures from added memory itself */
        uint64_t page_size_bytes; /* of the kernel */
} AcpiDevices;

/* An add_memory() that the kernel is at work on. */
typedef struct AcpiAdding {
        bool is_under_way;
        uint64_t bytes; /* its size; 0: not known, or it shows blocks already */

        /* Blocks that may be those of a device whose link is late, and how many of them are decided. */
        unsigned n_unknown;
        unsigned n_old;
} AcpiAdding;

struct Machine;

void acpi_devices_done(AcpiDevices *acpi);

/* Returns the device with a name, or NULL. */
AcpiDevice *acpi_devices_find(const AcpiDevices *acpi, const char *name);

/*
 * Replaces the devices of a machine by those that are present without blocks now, of which only the names are
 * set. Takes over the array. A device whose page structures need more than all kernel memory of the machine
 * fails at once, whatever the kernel still does. Returns whether a device has failed, or a failed one is
 * gone.
 */
bool acpi_devices_take(struct Machine *machine, AcpiDevice *devices, size_t n_devices,
                       AcpiAdding adding, uint64_t now_usec);

/* Returns when to look at the devices again if nothing else happens, USEC_INFINITY for never. */
uint64_t acpi_devices_next_look(const AcpiDevices *acpi);

/* Whether the kernel may still be adding memory of a device with this name. */
bool acpi_devices_is_awaited(const AcpiDevices *acpi, const char *name);

#define ACPI_REASON_MAX 256
#define ACPI_TEXT_MAX (ACPI_REASON_MAX + 128)

/*
 * Formats why the kernel could most likely not add the memory of a device of the machine, from the memory
 * that is free by now: the kernel tells no reason. Without a capital letter and a full stop. Returns the
 * buffer.
 */
const char *acpi_device_format_reason(const struct Machine *machine, const AcpiDevice *device,
                                      char buffer[static ACPI_REASON_MAX]);

/*
 * Formats that the kernel could not add the memory of a device, with its size and the reason, as a sentence
 * without a full stop. Returns the buffer.
 */
const char *acpi_device_format(const struct Machine *machine, const AcpiDevice *device,
                               char buffer[static ACPI_TEXT_MAX]);
