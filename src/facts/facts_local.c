/* SPDX-License-Identifier: Apache-2.0 */
/* What a host's own files and devices say: libvirt's settings, what its file
 * system can do, its bridges, its programs (state-ledger 5). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "facts/facts_priv.h"

static bool text_of(struct host *host, const char *dir, const char *rel,
		    struct buf *out)
{
	AUTO(mem_freep) char *root = host_map_path(host, dir);
	struct host_read r = {.path = HOST_PATH(root, rel)};
	struct err e = ERR_INIT;
	bool ok = !host_read(host, &r, out, &e);

	err_clear(&e);
	return ok;
}

static enum host_type look(struct host *host, const char *dir, const char *rel,
			   bool *known)
{
	AUTO(host_stat_clear) struct host_stat st = {0};
	struct err e = ERR_INIT;

	*known = !host_stat(host, HOST_PATH(dir, rel), &st, &e);
	err_clear(&e);
	return st.type;
}

void local_qemu_conf(struct fact_host *h, struct host *host)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (text_of(host, "/etc/libvirt", "qemu.conf", &text))
		hostconf_qemu(buf_str(&text), &h->qemu);
}

/* The script has its distribution's default, then come two files of settings.
 * Without systemd's link it does not run. */
void local_guests_boot(struct fact_host *h, struct host *host)
{
	static const char *const files[][2] = {
		{"/usr/lib/libvirt", "libvirt-guests.sh"},
		{"/usr/libexec", "libvirt-guests.sh"},
		{"/etc/sysconfig", "libvirt-guests"},
		{"/etc/default", "libvirt-guests"},
	};
	bool known;

	if (look(host, "/etc/systemd/system/multi-user.target.wants",
		 "libvirt-guests.service", &known) == HOST_NONE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(buf_clear) struct buf text = BUF_INIT;

		if (text_of(host, files[i][0], files[i][1], &text))
			hostconf_on_boot(buf_str(&text), &h->guests_boot);
	}
}

void local_trial(struct fact_host *h, struct host *host)
{
	const char *users[] = {h->nova_user, h->qemu_user, NULL};
	struct host_trial_opts o = {.path = HOST_PATH(h->instances_path, "."),
				    .device = h->fs.source,
				    .users = h->nova_user ? users : users + 1};
	struct err e = ERR_INIT;

	if (h->path_err.kind != ERR_NONE)
		return;
	if (host_trial(host, &o, &h->trial, &e))
		h->trial = (struct host_trial){.quota_unknown = true};
	err_clear(&e);
}

static unsigned mtu_of(struct host *host, const char *bridge)
{
	AUTO(mem_freep) char *rel = mem_printf("%s/mtu", bridge);
	AUTO(buf_clear) struct buf text = BUF_INIT;

	/* A bridge's own path: in /sys/class it is a link. */
	if (strchr(bridge, '/') ||
	    !text_of(host, "/sys/devices/virtual/net", rel, &text))
		return 0;
	return (unsigned)strtoul(buf_str(&text), NULL, 10);
}

void local_mtus(const struct facts *f, struct fact_host *h, struct host *host)
{
	for (size_t i = 0; f->dom && i < f->dom->n_ifaces; i++) {
		const char *bridge = f->dom->ifaces[i].bridge;
		unsigned mtu = bridge ? mtu_of(host, bridge) : 0;

		if (!mtu)
			continue;
		h->mtus = mem_realloc(h->mtus, h->n_mtus + 1, sizeof(*h->mtus));
		h->mtus[h->n_mtus++] =
			(struct fact_mtu){mem_strdup(bridge), mtu};
	}
}

/* "TPM emulator version 0.7.1, Copyright ..." */
static char *version_in(const char *text)
{
	while (*text && !(isdigit((unsigned char)text[0]) && text[1] == '.'))
		text++;
	return *text ? mem_strndup(text, strspn(text, "0123456789.")) : NULL;
}

bool local_program(struct host *host, const char *prog, char **version)
{
	const char *argv[] = {prog, "--version", NULL};
	struct host_run r = {.argv = argv, .lasting = true};
	struct err e = ERR_INIT;
	bool ok = !host_run(host, &r, &e) && r.exit_code == 0;

	if (ok && version)
		*version = version_in(buf_str(&r.out));
	host_run_clear(&r);
	err_clear(&e);
	return ok;
}

unsigned facts_mtu(const struct fact_host *h, const char *bridge)
{
	for (size_t i = 0; bridge && i < h->n_mtus; i++)
		if (!strcmp(h->mtus[i].bridge, bridge))
			return h->mtus[i].mtu;
	return 0;
}
