/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source of a rescue: what its disks tell, read where another host sees
 * them.
 *
 * Its own name for its instances_path is learned from disk.info, whose keys are
 * absolute (nova/virt/libvirt/imagebackend.py: disk_info_path, 2014.1 to
 * 33.0.2), or from the domain.  Where the path that was given ends like that,
 * the rest of its file system is looked for beside it: libvirt's definitions,
 * NVRAM and vTPM state.
 */
#include <string.h>

#include "facts/facts_priv.h"
#include "image/diskinfo.h"

#define NOVA_INSTANCES "/var/lib/nova/instances"
#define LIBVIRT_XML "/etc/libvirt/qemu"

enum { XML_MAX = 1 << 20 };

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

/* "/var/lib/nova/instances" of "/var/lib/nova/instances/<uuid>/disk"; NULL when
 * PATH is no such path. */
static char *home_of(const char *path, const char *uuid)
{
	AUTO(mem_freep) char *dir = mem_printf("/%s/", uuid);
	const char *at = path ? strstr(path, dir) : NULL;

	if (!at || at == path || *path != '/' ||
	    strchr(at + strlen(dir), '/') || strstr(path, "/../"))
		return NULL;
	return mem_strndup(path, (size_t)(at - path));
}

/* Hostile bytes, as far as a guest may have written them: no more is believed
 * than which prefix is taken off names. */
static char *home_by_info(struct facts *f, struct host *host)
{
	const char *uuid = f->srv.inst.uuid;
	AUTO(mem_freep) char *rel = mem_printf("%s/disk.info", uuid);
	struct host_read r = {
		.path = HOST_PATH(f->host[SRC_HOST].instances_path, rel),
		.max = DISKINFO_MAX};
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(diskinfo_clear) struct diskinfo d = {0};
	struct err none = ERR_INIT;
	char *home = NULL;

	if (!host_read(host, &r, &text, &none) &&
	    !diskinfo_parse(buf_str(&text), text.len, &d, &none))
		for (size_t i = 0; !home && i < d.n; i++)
			home = home_of(d.v[i].path, uuid);
	err_clear(&none);
	return home;
}

static char *home_by_domain(const struct facts *f)
{
	char *home = NULL;

	for (size_t i = 0; f->dom && !home && i < f->dom->n_disks; i++)
		home = home_of(f->dom->disks[i].source, f->srv.inst.uuid);
	return home;
}

static void learn_prefix(struct fact_host *h)
{
	const char *path = h->instances_path, *home = facts_home(h);

	mem_freep(&h->prefix);
	if (strcmp(path, home) != 0 && ends_with(path, home))
		h->prefix = mem_strndup(path, strlen(path) - strlen(home));
}

/* ---- libvirt's definition */

/* 1: it is this instance's. */
static int take_xml(struct facts *f, struct host *host, const char *dir,
		    const char *name, struct err *e)
{
	struct host_read r = {.path = HOST_PATH(dir, name), .max = XML_MAX};
	AUTO(mem_freep)
	char *uuid = mem_printf("<uuid>%s</uuid>", f->srv.inst.uuid);
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (host_read(host, &r, &text, e))
		return -1;
	if (!strstr(buf_str(&text), uuid))
		return 0;
	f->xml_from = mem_printf("%s/%s", dir, name);
	facts_domain(f, buf_str(&text));
	return 1;
}

/* By its usual name first: a host has hundreds. */
static int find_xml(struct facts *f, struct host *host, const char *dir,
		    struct err *e)
{
	AUTO(mem_freep) char *usual = mem_printf("%s.xml", f->domain_name);
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_list_opts o = {.path = HOST_PATH(dir, ".")};
	int rc = 0;

	if (host_list(host, &o, &l, e))
		return -1;
	for (int pass = 0; !rc && pass < 2; pass++)
		for (size_t i = 0; !rc && i < l.n; i++)
			if (l.v[i].st.type == HOST_FILE &&
			    ends_with(l.v[i].rel, ".xml") &&
			    !strcmp(l.v[i].rel, usual) == !pass)
				rc = take_xml(f, host, dir, l.v[i].rel, e);
	return rc;
}

/* Its libvirt would start it beside ours.  What cannot be seen is not told. */
static void read_autostart(struct facts *f, struct host *host, const char *dir)
{
	const char *name = strrchr(f->xml_from, '/') + 1;
	AUTO(mem_freep) char *rel = mem_printf("autostart/%s", name);
	AUTO(host_stat_clear) struct host_stat st = {0};
	struct err none = ERR_INIT;

	if (!host_stat(host, HOST_PATH(dir, rel), &st, &none))
		f->host[SRC_HOST].flags.autostart = st.type != HOST_NONE;
	err_clear(&none);
}

static void read_xml(struct facts *f, const struct facts_dead_in *in)
{
	struct host *host = in->xml_host ? in->xml_host : in->host;
	const struct fact_host *h = &f->host[SRC_HOST];
	AUTO(mem_freep) char *dir = NULL;
	struct err e = ERR_INIT;
	int rc;

	if (in->xml_dir)
		dir = mem_strdup(in->xml_dir);
	else if (h->prefix)
		dir = mem_printf("%s" LIBVIRT_XML, h->prefix);
	if (!dir) {
		err_set(&f->dom_err, ERR_NOTHING,
			"its libvirt's definitions are not beside %s",
			h->instances_path);
		return;
	}
	rc = find_xml(f, host, dir, &e);
	if (rc > 0) {
		read_autostart(f, host, dir);
		return;
	}
	f->xml_from = mem_strdup(dir);
	if (rc < 0)
		err_set(&f->dom_err, ERR_NOTHING, "%s", err_msg(&e));
	else
		err_set(&f->dom_err, ERR_NOTHING, "%s has no definition of it",
			dir);
	err_clear(&e);
}

void facts_dead(struct facts *f, const struct facts_dead_in *in)
{
	struct fact_host *h = &f->host[SRC_HOST];
	char *home;
	bool told;

	f->dead = true;
	h->instances_path = mem_strdup(in->path);
	/* What is off runs nothing. */
	h->state.state = VIRT_SHUTOFF;
	if (!in->host) {
		err_move(&h->down, in->down);
		return;
	}
	f->disks = mem_strdup(in->host->name);
	if (host_info(in->host, &h->info, &h->down))
		return;
	facts_name_domain(f, h);
	h->home = home_by_info(f, in->host);
	told = h->home != NULL;
	if (!told)
		h->home = mem_strdup(NOVA_INSTANCES);
	learn_prefix(h);
	read_xml(f, in);
	home = told ? NULL : home_by_domain(f);
	if (home) {
		mem_free(h->home);
		h->home = home;
		learn_prefix(h);
	}
	facts_domain_parts(f);
	facts_dirs(f, h, in->host);
	if (volumes_attached(f))
		volumes_connector(h, NULL);
}
