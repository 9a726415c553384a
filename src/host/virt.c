/* SPDX-License-Identifier: Apache-2.0 */
/* What all implementations share: arguments checked, errors wrapped. */
#include "host/virt.h"

#include <string.h>

const char *virt_state_name(enum virt_state s)
{
	switch (s) {
	case VIRT_STATE_UNKNOWN:
		return "unknown";
	case VIRT_ABSENT:
		return "absent";
	case VIRT_SHUTOFF:
		return "shut off";
	case VIRT_RUNNING:
		return "running";
	case VIRT_PAUSED:
		return "paused";
	case VIRT_OTHER:
		return "neither running nor stopped";
	}
	return "unknown";
}

/* What goes into an argv and is compared with what libvirt lists. */
static int check(const struct virt *v, const char *uuid, struct err *e)
{
	if (uuid && uuid_valid(uuid))
		return 0;
	return err_set(e, ERR_BUG, "host %s: \"%s\" is no instance's uuid",
		       v->host, uuid ? uuid : "");
}

/* Nothing is lost when a question has no answer. */
static int asked(int rc, struct err *e)
{
	if (rc && e->kind == ERR_LOST)
		e->kind = ERR_RETRY;
	return rc;
}

static int named(const struct virt *v, const char *uuid, const char *doing,
		 int rc, struct err *e)
{
	return rc ? err_wrap(e, "instance %s: %s on host %s", uuid, doing,
			     v->host)
		  : 0;
}

static int host(const struct virt *v, const char *doing, int rc, struct err *e)
{
	return rc ? err_wrap(e, "host %s: %s", v->host, doing) : 0;
}

int virt_uuids(struct virt *v, struct strv *out, struct err *e)
{
	return host(v, "listing domains", asked(v->ops->uuids(v, out, e), e),
		    e);
}

int virt_name_uuid(struct virt *v, const char *name, char uuid[UUID_LEN + 1],
		   struct err *e)
{
	uuid[0] = '\0';
	return host(v, "looking for a domain by name",
		    asked(v->ops->name_uuid(v, name, uuid, e), e), e);
}

int virt_state(struct virt *v, const char *uuid, struct virt_status *st,
	       struct err *e)
{
	*st = (struct virt_status){0};
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "reading its state",
		     asked(v->ops->state(v, uuid, st, e), e), e);
}

int virt_flags(struct virt *v, const char *uuid, struct virt_flags *f,
	       struct err *e)
{
	*f = (struct virt_flags){0};
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "reading its properties",
		     asked(v->ops->flags(v, uuid, f, e), e), e);
}

int virt_dumpxml(struct virt *v, const char *uuid, bool inactive,
		 struct buf *xml, struct err *e)
{
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "reading its definition",
		     asked(v->ops->dumpxml(v, uuid, inactive, xml, e), e), e);
}

static int one_by_one(struct virt *v, const char *uuid, struct virt_look *l,
		      struct err *e)
{
	if (virt_state(v, uuid, &l->st, e))
		return -1;
	if (l->st.state == VIRT_ABSENT)
		return 0;
	return virt_flags(v, uuid, &l->flags, e) ||
			       virt_dumpxml(v, uuid, true, &l->xml, e)
		       ? -1
		       : 0;
}

int virt_look(struct virt *v, const char *uuid, struct virt_look *l,
	      struct err *e)
{
	bool good = false;

	*l = (struct virt_look){.xml = BUF_INIT};
	if (check(v, uuid, e))
		return -1;
	if (v->ops->look &&
	    named(v, uuid, "looking at it",
		  asked(v->ops->look(v, uuid, l, &good, e), e), e))
		return -1;
	if (good)
		return 0;
	virt_look_clear(l);
	return one_by_one(v, uuid, l, e);
}

void virt_look_clear(struct virt_look *l)
{
	buf_clear(&l->xml);
	*l = (struct virt_look){.xml = BUF_INIT};
}

int virt_capabilities(struct virt *v, struct buf *xml, struct err *e)
{
	return host(v, "reading libvirt's capabilities",
		    asked(v->ops->capabilities(v, xml, e), e), e);
}

int virt_domcapabilities(struct virt *v, const struct virt_domcaps *ask,
			 struct buf *xml, struct err *e)
{
	return host(v, "reading libvirt's domain capabilities",
		    asked(v->ops->domcapabilities(v, ask, xml, e), e), e);
}

int virt_version(struct virt *v, struct virt_version *out, struct err *e)
{
	*out = (struct virt_version){0};
	return host(v, "reading libvirt's version",
		    asked(v->ops->version(v, out, e), e), e);
}

int virt_secret_has(struct virt *v, const char *uuid, bool *has, struct err *e)
{
	*has = false;
	if (check(v, uuid, e))
		return -1;
	return host(v, "looking for a libvirt secret",
		    asked(v->ops->secret_has(v, uuid, has, e), e), e);
}

int virt_autostart(struct virt *v, const char *uuid, bool on, struct err *e)
{
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, on ? "setting autostart" : "clearing autostart",
		     v->ops->autostart(v, uuid, on, e), e);
}

int virt_shutdown(struct virt *v, const char *uuid, struct err *e)
{
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "asking it to shut down",
		     v->ops->shutdown(v, uuid, e), e);
}

int virt_destroy(struct virt *v, const char *uuid, struct err *e)
{
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "stopping it hard", v->ops->destroy(v, uuid, e),
		     e);
}

int virt_undefine(struct virt *v, const char *uuid, bool saved, struct err *e)
{
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "undefining its domain",
		     v->ops->undefine(v, uuid, saved, e), e);
}

int virt_define(struct virt *v, const char *uuid, const char *xml,
		struct err *e)
{
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "defining its domain",
		     v->ops->define(v, uuid, xml, e), e);
}

int virt_start(struct virt *v, const char *uuid, struct err *e)
{
	if (check(v, uuid, e))
		return -1;
	return named(v, uuid, "starting it", v->ops->start(v, uuid, e), e);
}

int virt_net_missing(struct virt *v, const struct domain *d, struct strv *items,
		     struct err *e)
{
	return host(v, "looking at bridges and ports",
		    asked(v->ops->net_missing(v, d, items, e), e), e);
}

int virt_net_plug(struct virt *v, const struct domain *d, struct err *e)
{
	return host(v, "plugging interfaces", v->ops->net_plug(v, d, e), e);
}

int virt_net_unplug(struct virt *v, const struct domain *d,
		    const struct strv *items, struct err *e)
{
	return host(v, "unplugging interfaces",
		    v->ops->net_unplug(v, d, items, e), e);
}

void virt_free(struct virt *v)
{
	if (v)
		v->ops->free(v);
}
