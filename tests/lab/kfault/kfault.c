// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/kfault: has the kernel itself print what is written to it, so that the line has facility
 * `kern` and, with a device, that device's dictionary, like a driver's own message. A line written
 * to /dev/kmsg instead has facility `user` and no dictionary.
 *
 *     LEVEL BDF|- TEXT                  once
 *     storm LEVEL BDF|- COUNT TEXT      COUNT times, as fast as the kernel can
 *     iofault BDF ADDRESS               tells the IOMMU core of a DMA write fault: the tracepoint
 *                                       iommu:io_page_fault, without a line
 */
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define KFAULT_MAX 1024

struct request {
	unsigned int level;
	unsigned int count;
	struct pci_dev *pdev; /* referenced; NULL prints without a device */
	const char *text;
};

static int find_device(const char *bdf, struct pci_dev **pdev)
{
	unsigned int domain, bus, slot, fn;

	*pdev = NULL;
	if (strcmp(bdf, "-") == 0)
		return 0;
	if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &fn) != 4)
		return -EINVAL;
	*pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, fn));
	return *pdev ? 0 : -ENODEV;
}

static int parse(const char *line, struct request *req)
{
	char bdf[20];
	int text = 0;

	req->count = 1;
	if (sscanf(line, "storm %u %19s %u %n", &req->level, bdf, &req->count, &text) != 3 &&
		sscanf(line, "%u %19s %n", &req->level, bdf, &text) != 2)
		return -EINVAL;
	if (req->level > 7 || text == 0 || line[text] == '\0')
		return -EINVAL;
	req->text = line + text;
	return find_device(bdf, &req->pdev);
}

static void print(const struct request *req)
{
	char level[] = {KERN_SOH_ASCII, '0' + req->level, '\0'};

	if (req->pdev)
		dev_printk(level, &req->pdev->dev, "%s\n", req->text);
	else
		printk("%s%s\n", level, req->text);
}

static int io_fault(const char *line)
{
	struct pci_dev *pdev;
	struct iommu_domain *domain;
	char bdf[20];
	unsigned long iova;
	int err;

	if (sscanf(line, "iofault %19s %lx", bdf, &iova) != 2)
		return -EINVAL;
	err = find_device(bdf, &pdev);
	if (err || !pdev)
		return err ? err : -EINVAL;
	domain = iommu_get_domain_for_dev(&pdev->dev);
	if (domain)
		report_iommu_fault(domain, &pdev->dev, iova, IOMMU_FAULT_WRITE);
	pci_dev_put(pdev);
	return domain ? 0 : -ENODEV;
}

static ssize_t kfault_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	struct request req;
	char *line;
	int err;

	if (len > KFAULT_MAX)
		return -EINVAL;
	line = memdup_user_nul(from, len);
	if (IS_ERR(line))
		return PTR_ERR(line);
	strim(line);
	if (!strncmp(line, "iofault ", 8)) {
		err = io_fault(line);
		kfree(line);
		return err ? err : len;
	}
	err = parse(line, &req);
	if (!err) {
		while (req.count-- > 0 && !signal_pending(current)) {
			print(&req);
			cond_resched();
		}
		pci_dev_put(req.pdev);
	}
	kfree(line);
	return err ? err : len;
}

static const struct file_operations kfault_fops = {
	.owner = THIS_MODULE,
	.write = kfault_write,
};

static struct miscdevice kfault_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "kfault",
	.fops = &kfault_fops,
};
module_misc_device(kfault_device);

MODULE_DESCRIPTION("Prints lines as the kernel, for tests of log readers");
MODULE_LICENSE("GPL");
