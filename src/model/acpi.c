/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tells ACPI memory devices whose memory is being added from those whose memory could not be added. */

#include "model/acpi.h"

#include "base/format.h"
#include "model/machine.h"

#include <stdio.h>

/* The kernel's structure for a page, on all 64-bit architectures as they are configured by default. */
#define PAGE_STRUCTURE_BYTES 64

/* The smallest block size of a machine with ACPI memory devices. These mostly consist of such blocks. */
#define COMMON_BLOCK_BYTES (UINT64_C(128) << 20)

/* No DIMM is known to be as large. */
#define HUGE_DEVICE_BYTES (UINT64_C(1) << 40)

void acpi_devices_done(AcpiDevices *acpi)
{
        free(acpi->devices);
        *acpi = (AcpiDevices){};
}

AcpiDevice *acpi_devices_find(const AcpiDevices *acpi, const char *name)
{
        for (size_t i = 0; i < acpi->n_devices; i++)
                if (strcmp(acpi->devices[i].name, name) == 0)
                        return &acpi->devices[i];
        return NULL;
}

/* Returns the kernel memory of a machine, or the part of it that is free. */
static uint64_t kernel_bytes(const Machine *machine, bool is_free)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < machine->n_zones; i++) {
                const Zone *zone = &machine->zones[i];

                if (zone_type_to_class(zone->type) == ZONE_CLASS_KERNEL)
                        bytes += is_free ? zone->free_bytes : zone->managed_bytes;
        }
        return bytes;
}

/* Returns how many bytes can be added for each byte of page structures. */
static uint64_t bytes_per_byte(const AcpiDevices *acpi)
{
        return MAX(acpi->page_size_bytes / PAGE_STRUCTURE_BYTES, 1);
}

static bool can_fit(const Machine *machine, uint64_t bytes)
{
        return machine->acpi.has_own_structures || machine->n_zones == 0 ||
               bytes / bytes_per_byte(&machine->acpi) < kernel_bytes(machine, false);
}

/* Carries over what was known of the devices. Returns how many of them were there before. */
static size_t carry_over(const AcpiDevices *acpi, AcpiDevice *devices, size_t n_devices,
                         const AcpiAdding *adding, uint64_t now)
{
        size_t n = 0;

        for (size_t i = 0; i < n_devices; i++) {
                const AcpiDevice *before = acpi_devices_find(acpi, devices[i].name);

                n += before != NULL;
                if (before) {
                        devices[i] = *before;
                } else {
                        devices[i].seen_usec = devices[i].since_usec = now;
                        devices[i].n_old = adding->n_old;
                }
        }
        return n;
}

/* Counts the failed devices. *adding is no longer of interest if it is the addition of one of them. */
static size_t count_failed(const AcpiDevice *devices, size_t n_devices, AcpiAdding *adding)
{
        size_t n = 0;

        for (size_t i = 0; i < n_devices; i++) {
                n += devices[i].failed;
                if (devices[i].failed && devices[i].size_bytes == adding->bytes)
                        adding->bytes = 0;
        }
        return n;
}

bool acpi_devices_take(Machine *machine, AcpiDevice *devices, size_t n_devices, AcpiAdding adding,
                       uint64_t now_usec)
{
        AcpiDevices *acpi = &machine->acpi;
        /* The kernel works on one device after the other, in an order that is not known. */
        bool is_one_gone =
                carry_over(acpi, devices, n_devices, &adding, now_usec) < acpi->n_devices;
        size_t n_failed = count_failed(devices, n_devices, &adding);
        size_t n_waiting = n_devices - n_failed;
        bool changed = n_failed != acpi->n_failed;

        for (size_t i = 0; i < n_devices; i++) {
                AcpiDevice *device = &devices[i];

                if (device->failed)
                        continue;
                if (is_one_gone || ((adding.is_under_way || adding.n_unknown > device->n_old) &&
                                    now_usec - device->seen_usec < ACPI_PROGRESS_USEC))
                        device->since_usec = now_usec;
                if (adding.bytes > 0 && n_waiting == 1)
                        device->size_bytes = adding.bytes;
                device->failed = now_usec - device->since_usec >= ACPI_PATIENCE_USEC ||
                                 !can_fit(machine, device->size_bytes);
                n_failed += device->failed;
                changed |= device->failed;
        }
        free(acpi->devices);
        acpi->devices = devices;
        acpi->n_devices = n_devices;
        acpi->n_failed = n_failed;
        return changed;
}

uint64_t acpi_devices_next_look(const AcpiDevices *acpi)
{
        uint64_t next = USEC_INFINITY;

        for (size_t i = 0; i < acpi->n_devices; i++)
                if (!acpi->devices[i].failed)
                        next = MIN(next, acpi->devices[i].since_usec + ACPI_PATIENCE_USEC);
        return next;
}

bool acpi_devices_is_awaited(const AcpiDevices *acpi, const char *name)
{
        const AcpiDevice *device = acpi_devices_find(acpi, name);

        return !device || !device->failed;
}

const char *acpi_device_format_reason(const Machine *machine, const AcpiDevice *device,
                                      char buffer[static ACPI_REASON_MAX])
{
        uint64_t factor = bytes_per_byte(&machine->acpi);
        uint64_t free_bytes = kernel_bytes(machine, true), need_bytes = device->size_bytes / factor;
        char size[FORMAT_BYTES_MAX], left[FORMAT_BYTES_MAX], misplaced[80] = "";

        format_bytes(machine->block_size_bytes, size);
        if (machine->block_size_bytes > COMMON_BLOCK_BYTES)
                snprintf(misplaced, sizeof(misplaced),
                         ", or it is not aligned to memory blocks of %s", size);
        if (machine->acpi.is_off)
                return strcpy(buffer, "ACPI memory hotplug is switched off "
                                      "(/sys/firmware/acpi/hotplug/memory/enabled)");
        if (device->size_bytes % machine->block_size_bytes > 0)
                snprintf(buffer, ACPI_REASON_MAX, "its size is no multiple of memory blocks of %s",
                         size);
        else if (need_bytes > free_bytes)
                snprintf(buffer, ACPI_REASON_MAX,
                         "its page structures need %s, and %s are free for the kernel",
                         format_bytes(need_bytes, size), format_bytes(free_bytes, left));
        else if (free_bytes >= HUGE_DEVICE_BYTES / factor)
                snprintf(buffer, ACPI_REASON_MAX,
                         "most likely it is not aligned to memory blocks of %s", size);
        else
                snprintf(buffer, ACPI_REASON_MAX,
                         "most likely too little memory was free for its page structures (the %s "
                         "that are free for the kernel now are enough for %s)%s",
                         format_bytes(free_bytes, left), format_bytes(free_bytes * factor, size),
                         misplaced);
        return buffer;
}

const char *acpi_device_format(const Machine *machine, const AcpiDevice *device,
                               char buffer[static ACPI_TEXT_MAX])
{
        char reason[ACPI_REASON_MAX], size[FORMAT_BYTES_MAX];

        snprintf(buffer, ACPI_TEXT_MAX, "The kernel could not add the memory of %s (%s): %s",
                 device->name,
                 device->size_bytes > 0 ? format_bytes(device->size_bytes, size) : "size not known",
                 acpi_device_format_reason(machine, device, reason));
        return buffer;
}
