/* SPDX-License-Identifier: Apache-2.0 */
/* virt_ops: one domain a host.  What changes goes through the agent, so it
 * needs the lease as files do. */
#include "fake/fake.h"

#include <stdio.h>
#include <string.h>

static struct fake_handle *HV(struct virt *v)
{
	return ((struct fake_virt *)v)->fh;
}

static struct fake_domain *DOM(struct virt *v)
{
	return &HV(v)->h->dom;
}

static int op_state(struct virt *v, const char *uuid, struct virt_status *st,
		    struct err *e)
{
	const struct fake_domain *d = DOM(v);

	(void)uuid;
	if (fake_enter(HV(v), false, e, "virsh domstate"))
		return -1;
	st->state = d->running	 ? VIRT_RUNNING
		    : d->defined ? VIRT_SHUTOFF
				 : VIRT_ABSENT;
	return 0;
}

static int op_flags(struct virt *v, const char *uuid, struct virt_flags *f,
		    struct err *e)
{
	(void)uuid;
	if (fake_enter(HV(v), false, e, "virsh dominfo"))
		return -1;
	*f = (struct virt_flags){.persistent = DOM(v)->defined,
				 .autostart = DOM(v)->autostart};
	return 0;
}

static int op_dumpxml(struct virt *v, const char *uuid, bool inactive,
		      struct buf *xml, struct err *e)
{
	(void)uuid;
	(void)inactive;
	if (fake_enter(HV(v), false, e, "virsh dumpxml"))
		return -1;
	if (!DOM(v)->defined)
		return err_set(e, ERR_FAILED, "no domain");
	buf_puts(xml, DOM(v)->xml);
	return 0;
}

static int op_autostart(struct virt *v, const char *uuid, bool on,
			struct err *e)
{
	(void)uuid;
	if (fake_enter(HV(v), true, e, "virsh autostart %d", on))
		return -1;
	if (!DOM(v)->defined)
		return err_set(e, ERR_FAILED, "no domain");
	DOM(v)->autostart = on;
	return fake_leave(HV(v), e, "virsh autostart %d", on);
}

static void power_off(struct fake_domain *d)
{
	d->running = false;
}

static int op_shutdown(struct virt *v, const char *uuid, struct err *e)
{
	(void)uuid;
	if (fake_enter(HV(v), true, e, "virsh shutdown"))
		return -1;
	if (!DOM(v)->running)
		return err_set(e, ERR_FAILED, "it does not run");
	if (!HV(v)->fw->o.ignores_acpi)
		power_off(DOM(v));
	return fake_leave(HV(v), e, "virsh shutdown");
}

static int op_destroy(struct virt *v, const char *uuid, struct err *e)
{
	(void)uuid;
	if (fake_enter(HV(v), true, e, "virsh destroy"))
		return -1;
	if (!DOM(v)->running)
		return err_set(e, ERR_FAILED, "it does not run");
	power_off(DOM(v));
	return fake_leave(HV(v), e, "virsh destroy");
}

static int op_undefine(struct virt *v, const char *uuid, bool saved,
		       struct err *e)
{
	(void)uuid;
	(void)saved;
	if (fake_enter(HV(v), true, e, "virsh undefine"))
		return -1;
	if (!DOM(v)->defined)
		return err_set(e, ERR_FAILED, "no domain");
	DOM(v)->defined = DOM(v)->autostart = false;
	return fake_leave(HV(v), e, "virsh undefine");
}

static int op_define(struct virt *v, const char *uuid, const char *xml,
		     struct err *e)
{
	(void)uuid;
	if (fake_enter(HV(v), true, e, "virsh define"))
		return -1;
	if (strlen(xml) >= sizeof(DOM(v)->xml))
		return err_set(e, ERR_BUG, "an XML of %zu bytes", strlen(xml));
	DOM(v)->defined = true;
	strcpy(DOM(v)->xml, xml);
	return fake_leave(HV(v), e, "virsh define");
}

static int find_ino(const struct fake_host *h, const char *path)
{
	int i = fake_find(h, path);

	return i < 0 ? -1 : h->names[i].ino;
}

int fake_boot(struct fake_world *fw, struct fake_host *h, const char **why)
{
	struct fake_domain *d = &h->dom;
	char path[FAKE_PATH];

	(void)fw;
	*why = !d->defined ? "no domain" : d->running ? "it runs" : NULL;
	if (*why)
		return -1;
	fake_at(path, h, FAKE_UUID "/disk");
	d->disk = find_ino(h, path);
	fake_at(path, h, "_base/" FAKE_BASE);
	d->base = find_ino(h, path);
	*why = d->disk < 0		    ? "no disk"
	       : h->inodes[d->disk].partial ? "a broken disk"
	       : d->base < 0		    ? "no backing image"
	       : h->inodes[d->base].partial ? "a broken backing image"
					    : NULL;
	if (*why)
		return -1;
	d->running = true;
	return 0;
}

static int op_start(struct virt *v, const char *uuid, struct err *e)
{
	const char *why;

	(void)uuid;
	if (fake_enter(HV(v), true, e, "virsh start"))
		return -1;
	if (fake_boot(HV(v)->fw, HV(v)->h, &why))
		return err_set(e, ERR_FAILED, "cannot start it: %s", why);
	return fake_leave(HV(v), e, "virsh start");
}

static int op_net_missing(struct virt *v, const struct domain *d,
			  struct strv *items, struct err *e)
{
	(void)d;
	if (fake_enter(HV(v), false, e, "net missing"))
		return -1;
	if (!HV(v)->h->bridge)
		strv_add(items, "bridge brq0a1b2c3d-4e");
	return 0;
}

static int op_net_plug(struct virt *v, const struct domain *d, struct err *e)
{
	(void)d;
	if (fake_enter(HV(v), true, e, "net plug"))
		return -1;
	HV(v)->h->bridge = true;
	return fake_leave(HV(v), e, "net plug");
}

static int op_net_unplug(struct virt *v, const struct domain *d,
			 const struct strv *items, struct err *e)
{
	(void)d;
	if (fake_enter(HV(v), true, e, "net unplug"))
		return -1;
	if (strv_has(items, "bridge brq0a1b2c3d-4e"))
		HV(v)->h->bridge = false;
	return fake_leave(HV(v), e, "net unplug");
}

static void op_free(struct virt *v)
{
	mem_free(v);
}

const struct virt_ops fake_virt_ops = {
	.state = op_state,
	.flags = op_flags,
	.dumpxml = op_dumpxml,
	.autostart = op_autostart,
	.shutdown = op_shutdown,
	.destroy = op_destroy,
	.undefine = op_undefine,
	.define = op_define,
	.start = op_start,
	.net_missing = op_net_missing,
	.net_plug = op_net_plug,
	.net_unplug = op_net_unplug,
	.free = op_free,
};
