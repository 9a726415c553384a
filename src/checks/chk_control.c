/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who starts the guest on the target: Nova, which writes its domain and plugs
 * its interfaces itself, or libvirt by our hand.
 */
#include <string.h>

#include "checks/checks.h"

bool check_starts(const struct facts *f, const struct check_opts *o)
{
	return o->start && facts_runs(f);
}

static const char *nova_down(const struct fact_cloud *c)
{
	if (!c->asked)
		return "no cloud is configured on the hosts";
	/* And a port that SQL has unbound is nothing that Nova can plug. */
	if (c->sql)
		return c->why_sql ? c->why_sql : "a service does not answer";
	if (c->nova_err.kind != ERR_NONE)
		return err_msg(&c->nova_err);
	return c->err.kind != ERR_NONE ? err_msg(&c->err) : NULL;
}

static bool encrypted(const struct facts *f)
{
	for (size_t i = 0; i < f->srv.n_bdms; i++)
		if (f->srv.bdms[i].encrypted)
			return true;
	return false;
}

/* NULL: nothing. */
static char *why_not(const struct facts *f, const struct check_opts *o)
{
	const char *down = nova_down(&f->cloud);

	if (down)
		return mem_printf("Nova's API is not to be had: %s", down);
	if (f->cloud.compute_off)
		return mem_printf("nova-compute on %s is %s", f->to,
				  f->cloud.compute_off);
	/* An administrator cannot read its owner's secret; and where a start
	 * fails, Nova before 31.3, 32.2 and 33 undefines with all state. */
	if (f->tpm_dir || (f->dom && f->dom->tpm.present))
		return mem_strdup("it has a vTPM, whose secret is its owner's");
	if (f->nvram_dir)
		return mem_strdup("it has NVRAM, which Nova removes when a "
				  "start fails");
	if (o->control != CHECK_CONTROL_API && encrypted(f))
		return mem_strdup("the key of an encrypted volume is its "
				  "owner's");
	return NULL;
}

bool check_nova_start(const struct facts *f, const struct check_opts *o)
{
	AUTO(mem_freep) char *why = NULL;

	if (!check_starts(f, o) || o->control == CHECK_CONTROL_DIRECT)
		return false;
	why = why_not(f, o);
	return !why;
}

char *check_adopt_not(const struct facts *f, const struct check_opts *o)
{
	if (!check_starts(f, o))
		return mem_strdup("it is left stopped, and Nova's evacuate "
				  "starts what it takes over");
	if (o->control == CHECK_CONTROL_DIRECT)
		return mem_strdup("Nova's API is not to be asked");
	if (!f->schema.f.migration_type)
		return mem_strdup("Nova of this release tells of no "
				  "evacuation what has become of it");
	return why_not(f, o);
}

static void control_run(const struct facts *f, const struct check_opts *o,
			struct check_report *r)
{
	AUTO(mem_freep) char *why = NULL;

	if (!check_starts(f, o) || o->control == CHECK_CONTROL_DIRECT)
		return;
	why = why_not(f, o);
	if (why && o->control == CHECK_CONTROL_API)
		check_refuse(r,
			     f->dead ? "novahaul rescue --control direct"
				     : "novahaul move --control direct",
			     "Nova cannot start it on %s: %s", f->to, why);
	else if (why && f->cloud.asked)
		check_warn(r, NULL, "libvirt starts it on %s, and not Nova: %s",
			   f->to, why);
}

const struct check chk_control = {
	"control", "what starts it on the target is there", control_run};

static void adopt_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	AUTO(mem_freep) char *why = o->adopt ? check_adopt_not(f, o) : NULL;

	if (why)
		check_refuse(r, "novahaul rescue --route direct",
			     "Nova's evacuate cannot take it over on %s: %s",
			     f->to, why);
}

const struct check chk_adopt = {
	"adopt", "Nova's evacuate can take over its disks", adopt_run};
