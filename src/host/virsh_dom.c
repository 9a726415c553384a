/* SPDX-License-Identifier: Apache-2.0 */
/* One domain, looked at and changed. */
#include "host/virsh_priv.h"

#include <string.h>

#include "domain/caps.h"
#include "domain/domain.h"

static enum virt_state state_of(enum caps_state s)
{
	switch (s) {
	case CAPS_STATE_NONE:
	case CAPS_STATE_CRASHED:
	case CAPS_STATE_PMSUSPENDED:
		return VIRT_OTHER;
	case CAPS_STATE_RUNNING:
	case CAPS_STATE_BLOCKED:
	case CAPS_STATE_SHUTDOWN:
		return VIRT_RUNNING;
	case CAPS_STATE_PAUSED:
		return VIRT_PAUSED;
	case CAPS_STATE_SHUTOFF:
		return VIRT_SHUTOFF;
	}
	return VIRT_OTHER;
}

/* libvirt before 1.2.8 (2014) has no domstats. */
static int read_state(struct virsh *s, const char *uuid, enum caps_state *st,
		      char reason[48], struct err *e)
{
	CALL(s, c, T_ASK, false);
	CALL(s, old, T_ASK, false);

	VIRSH(&c, "domstats", "--state", "--raw", uuid);
	if (!s->no_domstats) {
		if (virsh_run(s, &c, e))
			return -1;
		if (!c.exit_code)
			return caps_domstats_parse(buf_str(&c.out), st, reason,
						   e);
		s->no_domstats = virsh_says(&c, "unknown command");
		if (!s->no_domstats)
			return virsh_failed(&c, e);
	}
	VIRSH(&old, "domstate", uuid, "--reason");
	if (virsh_ok(s, &old, e))
		return -1;
	return caps_domstate_parse(buf_str(&old.out), st, reason, e);
}

/* Both questions at once; *GOOD: that is the answer. */
static int state_at_once(struct virsh *s, const char *uuid, bool *is,
			 enum caps_state *cs, char reason[48], bool *good,
			 struct err *e)
{
	AUTO(mem_freep)
	char *ask = mem_printf("domstats --state --raw %s", uuid);
	CALL(s, c, T_ASK, false);
	const char *out = NULL;

	*good = false;
	if (s->no_domstats)
		return 0;
	if (virsh_both(s, &c, uuid, ask, is, &out, good, e))
		return -1;
	return *good && *is ? caps_domstats_parse(out, cs, reason, e) : 0;
}

int virsh_state(struct virt *v, const char *uuid, struct virt_status *st,
		struct err *e)
{
	struct virsh *s = VIRSH_SELF(v);
	enum caps_state cs = CAPS_STATE_NONE;
	struct err f = ERR_INIT;
	bool is = false, good;

	if (state_at_once(s, uuid, &is, &cs, st->reason, &good, e))
		return -1;
	if (!good && virsh_listed(s, NULL, uuid, &is, e))
		return -1;
	if (!good && is && read_state(s, uuid, &cs, st->reason, e)) {
		/* gone between the two questions? */
		if (virsh_listed(s, NULL, uuid, &is, &f) || is) {
			err_clear(&f);
			return -1;
		}
		err_clear(e);
	}
	st->state = is ? state_of(cs) : VIRT_ABSENT;
	return 0;
}

static const char *const flag_lists[] = {NULL,
					 "--persistent",
					 "--autostart",
					 "--with-managed-save",
					 "--with-snapshot",
					 "--with-checkpoint"};

/* IS, of these lists. */
static struct virt_flags flags_of(const bool *is)
{
	return (struct virt_flags){
		.persistent = is[1],
		.autostart = is[2],
		.managed_save = is[3],
		.snapshots = is[4],
		.checkpoints = is[5],
	};
}

int virsh_flags(struct virt *v, const char *uuid, struct virt_flags *f,
		struct err *e)
{
	bool is[ARRAY_SIZE(flag_lists)];

	if (virsh_listed_n(VIRSH_SELF(v), flag_lists, ARRAY_SIZE(flag_lists),
			   uuid, is, e))
		return -1;
	*f = flags_of(is);
	return is[0] ? 0 : virsh_unknown(e);
}

/* What `domstats --state --raw UUID; echo +; dumpxml UUID` has said, the XML
 * borrowed from it; NULL if it is not that. */
static const char *state_then_xml(const char *said, enum caps_state *cs,
				  char reason[48])
{
	const char *xml = strchr(said, '+');
	struct err no = ERR_INIT;

	if (!xml || caps_domstats_parse(said, cs, reason, &no)) {
		err_clear(&no);
		return NULL;
	}
	return xml + 1 + strspn(xml + 1, "\n");
}

int virsh_look(struct virt *v, const char *uuid, struct virt_look *l,
	       bool *good, struct err *e)
{
	struct virsh *s = VIRSH_SELF(v);
	AUTO(mem_freep)
	char *ask = mem_printf("domstats --state --raw %s; echo +; "
			       "dumpxml %s --inactive",
			       uuid, uuid);
	bool is[ARRAY_SIZE(flag_lists)];
	struct virsh_lists q = {.filters = flag_lists,
				.n = ARRAY_SIZE(flag_lists),
				.then = ask,
				.is = is};
	CALL(s, c, T_ASK, false);
	enum caps_state cs;
	const char *xml;

	*good = false;
	if (s->no_domstats)
		return 0;
	if (virsh_listed_then(s, &c, uuid, &q, good, e))
		return -1;
	xml = *good && is[0] ? state_then_xml(q.rest, &cs, l->st.reason) : NULL;
	*good = xml;
	if (!xml)
		return 0;
	l->st.state = state_of(cs);
	l->flags = flags_of(is);
	buf_puts(&l->xml, xml);
	return 0;
}

int virsh_dumpxml(struct virt *v, const char *uuid, bool inactive,
		  struct buf *xml, struct err *e)
{
	struct virsh *s = VIRSH_SELF(v);
	AUTO(mem_freep)
	char *ask =
		mem_printf("dumpxml %s%s", uuid, inactive ? " --inactive" : "");
	CALL(s, at_once, T_ASK, false);
	CALL(s, c, T_ASK, false);
	const char *out = NULL;
	bool is = false, good;

	if (virsh_both(s, &at_once, uuid, ask, &is, &out, &good, e))
		return -1;
	if (good && is) {
		buf_puts(xml, out + strspn(out, "\n"));
		return 0;
	}
	if (virsh_must_exist(s, uuid, e))
		return -1;
	VIRSH(&c, "dumpxml", uuid);
	if (inactive)
		VIRSH(&c, "--inactive");
	if (virsh_ok(s, &c, e))
		return -1;
	buf_put(xml, c.out.p, c.out.len);
	return 0;
}

/* --- changing */

static int change(struct virsh *s, struct virsh_call *c, const char *uuid,
		  struct err *e)
{
	return virsh_must_exist(s, uuid, e) || virsh_ok(s, c, e) ? -1 : 0;
}

int virsh_autostart(struct virt *v, const char *uuid, bool on, struct err *e)
{
	CALL(VIRSH_SELF(v), c, T_CHANGE, true);

	VIRSH(&c, "autostart", uuid);
	if (!on)
		VIRSH(&c, "--disable");
	return change(VIRSH_SELF(v), &c, uuid, e);
}

int virsh_shutdown(struct virt *v, const char *uuid, struct err *e)
{
	CALL(VIRSH_SELF(v), c, T_SHUTDOWN, true);

	VIRSH(&c, "shutdown", uuid);
	return change(VIRSH_SELF(v), &c, uuid, e);
}

int virsh_destroy(struct virt *v, const char *uuid, struct err *e)
{
	CALL(VIRSH_SELF(v), c, T_DESTROY, true);

	VIRSH(&c, "destroy", uuid);
	return change(VIRSH_SELF(v), &c, uuid, e);
}

int virsh_start(struct virt *v, const char *uuid, struct err *e)
{
	CALL(VIRSH_SELF(v), c, T_START, true);
	static const char *const filters[] = {NULL, "--with-managed-save"};
	bool is[ARRAY_SIZE(filters)];

	if (virsh_listed_n(VIRSH_SELF(v), filters, ARRAY_SIZE(filters), uuid,
			   is, e))
		return -1;
	if (!is[0])
		return virsh_unknown(e);
	/* It would be restored, with a memory that is not its disk's. */
	if (is[1])
		return err_set(e, ERR_REFUSED,
			       "libvirt has saved memory under its name");
	VIRSH(&c, "start", uuid);
	return virsh_ok(VIRSH_SELF(v), &c, e);
}

int virsh_define(struct virt *v, const char *uuid, const char *xml,
		 struct err *e)
{
	AUTO(domain_freep) struct domain *d = domain_parse(xml, strlen(xml), e);
	CALL(VIRSH_SELF(v), c, T_CHANGE, true);

	if (!d)
		return -1;
	if (strcmp(d->uuid, uuid))
		return err_set(e, ERR_BUG, "XML of another instance, %s",
			       d->uuid);
	/* seen to work with virsh 9.0, from a pipe and from a file */
	VIRSH(&c, "define", "/dev/stdin");
	c.in = xml;
	return virsh_ok(VIRSH_SELF(v), &c, e);
}

/* --- undefine */

static void note_keep(struct virsh *s, const char *help)
{
	s->keep_nvram = strstr(help, "--keep-nvram");
	s->keep_tpm = strstr(help, "--keep-tpm");
	s->keep_known = true;
}

/* Which keep flags this virsh knows; libvirt 2.3.0 and 8.9.0 brought them. */
static int learn_keep(struct virsh *s, struct err *e)
{
	CALL(s, c, T_ASK, false);

	if (s->keep_known)
		return 0;
	VIRSH(&c, "help", "undefine");
	if (virsh_ok(s, &c, e))
		return -1;
	note_keep(s, buf_str(&c.out));
	return 0;
}

static int refuse_flags(const struct virt_flags *f, struct err *e)
{
	const char *what = f->managed_save  ? "saved memory"
			   : f->snapshots   ? "snapshots"
			   : f->checkpoints ? "checkpoints"
					    : NULL;

	if (!what)
		return 0;
	return err_set(e, ERR_REFUSED,
		       "libvirt keeps %s of it that would be lost", what);
}

static int check_keep(const struct virsh *s, const char *xml, struct err *e)
{
	AUTO(domain_freep) struct domain *d = domain_parse(xml, strlen(xml), e);
	const char *lost;

	if (!d)
		return -1;
	lost = d->fw.nvram && !s->keep_nvram	? "NVRAM"
	       : d->tpm.present && !s->keep_tpm ? "TPM state"
						: NULL;
	if (!lost)
		return 0;
	err_set(e, ERR_REFUSED, "this libvirt would erase its %s", lost);
	return err_hint(e, "upgrade libvirt, or move it with "
			   "openstack server migrate");
}

/* libvirt would make a running one transient, and say yes. */
static int refuse_state(enum virt_state state, struct err *e)
{
	return state == VIRT_SHUTOFF
		       ? 0
		       : err_set(e, ERR_REFUSED, "it is %s, not shut off",
				 virt_state_name(state));
}

/* Question by question; *GO: it is there, and may be undefined. */
static int may_undefine(struct virt *v, const char *uuid, bool saved, bool *go,
			struct err *e)
{
	struct virsh *s = VIRSH_SELF(v);
	struct virt_status st = {0};
	struct virt_flags f = {0};
	AUTO(buf_clear) struct buf xml = BUF_INIT;

	*go = false;
	if (virsh_state(v, uuid, &st, e))
		return -1;
	if (st.state == VIRT_ABSENT)
		return 0;
	if (refuse_state(st.state, e) || virsh_flags(v, uuid, &f, e) ||
	    refuse_flags(&f, e) || learn_keep(s, e))
		return -1;
	if (!saved && (virsh_dumpxml(v, uuid, true, &xml, e) ||
		       check_keep(s, buf_str(&xml), e)))
		return -1;
	*go = true;
	return 0;
}

/* The same questions to one virsh, while the guest is down; *GOOD: it has
 * answered them. */
static int may_undefine_at_once(struct virt *v, const char *uuid, bool saved,
				bool *good, struct err *e)
{
	static const char *const lists[] = {NULL, "--with-managed-save",
					    "--with-snapshot",
					    "--with-checkpoint"};
	struct virsh *s = VIRSH_SELF(v);
	AUTO(mem_freep)
	char *ask = mem_printf("help undefine; echo +; "
			       "domstats --state --raw %s; echo +; "
			       "dumpxml %s --inactive",
			       uuid, uuid);
	bool is[ARRAY_SIZE(lists)];
	struct virsh_lists q = {.filters = lists,
				.n = ARRAY_SIZE(lists),
				.then = ask,
				.is = is};
	CALL(s, c, T_ASK, false);
	enum caps_state cs;
	char reason[48];
	const char *state, *xml;

	if (virsh_listed_then(s, &c, uuid, &q, good, e))
		return -1;
	state = *good && is[0] && !s->no_domstats ? strchr(q.rest, '+') : NULL;
	xml = state ? state_then_xml(state + 1, &cs, reason) : NULL;
	*good = xml;
	if (!xml)
		return 0;
	note_keep(s, q.rest);
	return refuse_state(state_of(cs), e) ||
			       refuse_flags(
				       &(struct virt_flags){
					       .managed_save = is[1],
					       .snapshots = is[2],
					       .checkpoints = is[3]},
				       e) ||
			       (!saved && check_keep(s, xml, e))
		       ? -1
		       : 0;
}

int virsh_undefine(struct virt *v, const char *uuid, bool saved, struct err *e)
{
	struct virsh *s = VIRSH_SELF(v);
	bool go = false;
	CALL(s, c, T_CHANGE, true);

	if (may_undefine_at_once(v, uuid, saved, &go, e))
		return -1;
	if (!go && may_undefine(v, uuid, saved, &go, e))
		return -1;
	if (!go)
		return 0;
	VIRSH(&c, "undefine", uuid);
	if (s->keep_nvram)
		VIRSH(&c, "--keep-nvram");
	if (s->keep_tpm)
		VIRSH(&c, "--keep-tpm");
	return virsh_ok(s, &c, e);
}
