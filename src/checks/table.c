/* SPDX-License-Identifier: Apache-2.0 */
#include "checks/checks.h"

extern const struct check chk_schema, chk_rights, chk_server, chk_locked,
	chk_migrations, chk_route, chk_hardware, chk_tpm, chk_encryption,
	chk_volumes, chk_shares, chk_ports, chk_group, chk_zone, chk_target,
	chk_hosts, chk_lease, chk_config, chk_users, chk_leftovers, chk_storage,
	chk_space, chk_libvirt, chk_domain, chk_machine, chk_network, chk_files,
	chk_images, chk_bases, chk_security, chk_boot, chk_filesystem,
	chk_ephemeral, chk_control, chk_adopt, chk_plug, chk_state;

const struct check *const checks_table[] = {
	&chk_target,	 &chk_server,
	&chk_schema,	 &chk_rights,
	&chk_lease,	 &chk_locked,
	&chk_migrations, &chk_route,
	&chk_hardware,	 &chk_tpm,
	&chk_encryption, &chk_volumes,
	&chk_shares,	 &chk_ports,
	&chk_group,	 &chk_zone,
	&chk_hosts,	 &chk_config,
	&chk_users,	 &chk_storage,
	&chk_leftovers,	 &chk_libvirt,
	&chk_control,	 &chk_adopt,
	&chk_domain,	 &chk_machine,
	&chk_network,	 &chk_plug,
	&chk_files,	 &chk_state,
	&chk_images,	 &chk_bases,
	&chk_ephemeral,	 &chk_filesystem,
	&chk_space,	 &chk_security,
	&chk_boot,	 NULL,
};

void check_say(struct check_report *r, enum check_result result,
	       const char *hint, const char *fmt, ...)
{
	static const char *const other_way[2] = {
		"it cannot be moved as it is; Nova's own way may work: "
		"openstack server migrate",
		"it cannot be rescued as it is; novahaul rescue HOST --disks "
		"HOST:PATH --list names its disks, which Nova's own evacuate "
		"would build anew"};
	struct check_finding *q;
	va_list ap;

	r->v = mem_realloc(r->v, r->n + 1, sizeof(*r->v));
	q = &r->v[r->n++];
	va_start(ap, fmt);
	*q = (struct check_finding){
		.result = result,
		.check = r->current,
		.message = mem_vprintf(fmt, ap),
		.hint = mem_strdup0(!hint && result == CHECK_REFUSE
					    ? other_way[r->dead]
					    : hint)};
	va_end(ap);
}

static enum check_result worst(const struct check_report *r)
{
	enum check_result w = CHECK_PASS;

	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].result < CHECK_WARN && r->v[i].result < w)
			w = r->v[i].result;
	/* A lock of ours explains the rest: perhaps it is there because a job
	 * was interrupted.  Else already there says more than what would be in
	 * the way. */
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].result == CHECK_LOCKED)
			return CHECK_LOCKED;
		if (r->v[i].result == CHECK_NOTHING)
			w = CHECK_NOTHING;
	}
	return w;
}

/* Of an instance that is there already only one thing is left to ask. */
static bool matters(const struct check *c, const struct check_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].result == CHECK_NOTHING)
			return c == &chk_lease || c == &chk_locked;
	return true;
}

void checks_run(const struct facts *f, const struct check_opts *o,
		struct check_report *r)
{
	r->dead = f->dead;
	for (size_t i = 0; checks_table[i]; i++) {
		size_t had = r->n;

		if (!matters(checks_table[i], r))
			continue;
		r->current = checks_table[i]->name;
		checks_table[i]->run(f, o, r);
		if (r->n == had)
			check_say(r, CHECK_PASS, NULL, "%s",
				  checks_table[i]->summary);
	}
	r->verdict = worst(r);
}

void check_report_clear(struct check_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		mem_free(r->v[i].message);
		mem_free(r->v[i].hint);
	}
	mem_free(r->v);
	*r = (struct check_report){0};
}

const char *check_result_name(enum check_result r)
{
	switch (r) {
	case CHECK_REFUSE:
		return "refuse";
	case CHECK_LOCKED:
		return "locked";
	case CHECK_NOTHING:
		return "nothing";
	case CHECK_WARN:
		return "warn";
	case CHECK_SKIP:
		return "skip";
	case CHECK_PASS:
		break;
	}
	return "pass";
}
