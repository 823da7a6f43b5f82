// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: memoryd contributors
/*
 * A driver that adds memory as the driver of an accelerator does, for the tests: under its own name, and to take
 * it out again later.
 *
 *   insmod testdrv.ko start=ADDRESS size=BYTES node=NUMBER
 *   echo 1 >/sys/module/testdrv/parameters/added    adds the memory, and onlines nothing
 *   echo 0 >/sys/module/testdrv/parameters/added    takes it offline and out, all of it or nothing
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>

static unsigned long start;
module_param(start, ulong, 0444);
MODULE_PARM_DESC(start, "physical address of the memory");

static unsigned long size;
module_param(size, ulong, 0444);
MODULE_PARM_DESC(size, "size of the memory in bytes");

static int node;
module_param(node, int, 0444);
MODULE_PARM_DESC(node, "node of the memory");

static bool added;

static int set_added(const char *text, const struct kernel_param *param)
{
	bool wanted;
	int ret = kstrtobool(text, &wanted);

	if (ret || wanted == added)
		return ret;
	ret = wanted ? add_memory_driver_managed(node, start, size,
						 "System RAM (testdrv)", MHP_NONE) :
		       offline_and_remove_memory(start, size);
	if (!ret)
		added = wanted;
	return ret;
}

static const struct kernel_param_ops added_ops = {
	.set = set_added,
	.get = param_get_bool,
};
module_param_cb(added, &added_ops, &added, 0644);
MODULE_PARM_DESC(added, "whether the memory is added");

static int __init testdrv_init(void)
{
	return size ? 0 : -EINVAL;
}
module_init(testdrv_init);

static void __exit testdrv_exit(void)
{
	WARN_ON(added);
}
module_exit(testdrv_exit);

MODULE_DESCRIPTION("Adds memory as a driver does, for the tests of memoryd");
MODULE_LICENSE("GPL");
