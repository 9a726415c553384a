/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of src/api once, against the cloud that OS_* or clouds.yaml names.
 *
 *	t-api-real SERVER VOLUME TARGET [NODE]
 *
 * SERVER is the name of a running server with one port; VOLUME the id of an
 * available volume; TARGET another compute host, NODE its node, if that is of
 * another name.  What it changes it changes back: run it on a cloud for tests
 * only.  One line a call, "ok" or "not ok"; ends with "N passed, N failed, N
 * skipped".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cinder.h"
#include "api/neutron.h"
#include "api/nova.h"
#include "api/placement.h"
#include "api/session_priv.h"
#include "core/clock.h"

extern char **environ;

static int passed, failed, skipped;
static struct err e;
static struct api_session *s;
static const char *name, *volume, *target, *node;
static char *uuid, *home, *home_node; /* of the server, where it is */

static bool said(bool good, const char *what)
{
	printf("%s - %s%s%s\n", good ? "ok" : "not ok", what,
	       e.kind ? ": " : "", e.kind ? err_msg(&e) : "");
	fflush(stdout);
	err_clear(&e);
	passed += good;
	failed += !good;
	return good;
}

/* Fails softly, so that what was changed is changed back. */
#define DO(call) said((call) == 0, #call)
#define IS(cond) said(cond, #cond)
#define NOT(call, as) said((call) == -1 && e.kind == (as), #call " is " #as)

static void versions(void)
{
	struct api_identity id;
	struct api_version v;

	DO(api_whoami(s, &id, &e));
	IS(api_identity_has(&id, "admin"));
	for (int i = CLOUD_COMPUTE; i < CLOUD_SERVICES; i++) {
		DO(api_version(s, (enum cloud_service)i, &v, &e));
		printf("# %s %d.%d\n",
		       cloud_service_name((enum cloud_service)i), v.major,
		       v.minor);
	}
}

static bool find(void)
{
	struct nova_server srv, again;

	if (!DO(nova_server_find(s, name, &srv, &e)))
		return false;
	uuid = mem_strdup(srv.id);
	home = mem_strdup0(srv.host);
	home_node = mem_strdup0(srv.node);
	IS(home && srv.node && srv.instance_name && srv.zone);
	IS(srv.power_state == 1 && !strcmp(srv.vm_state, "active"));
	IS(srv.locked == NOVA_NO && srv.host_status);
	DO(nova_server_get(s, uuid, &again, &e));
	IS(!strcmp(again.name, name));
	nova_server_clear(&again);
	nova_server_clear(&srv);
	NOT(nova_server_find(s, "no.such(server", &srv, &e), ERR_REFUSED);
	NOT(nova_server_get(s, "0e44cc9c-e052-415d-afbf-469b0d384170", &srv,
			    &e),
	    ERR_FAILED);
	return home && home_node;
}

static void lock(void)
{
	struct nova_server srv;

	DO(nova_server_lock(s, uuid, "novahaul \"test\"", &e));
	DO(nova_server_get(s, uuid, &srv, &e));
	IS(srv.locked == NOVA_YES && srv.locked_reason &&
	   !strcmp(srv.locked_reason, "novahaul \"test\""));
	nova_server_clear(&srv);
	DO(nova_server_unlock(s, uuid, &e));
}

static bool wait_volume(const char *status)
{
	struct cinder_volume v;
	bool good = false;

	for (int i = 0; i < 60 && !good; i++) {
		if (cinder_volume_get(s, volume, &v, &e))
			break;
		good = !strcmp(v.status, status);
		cinder_volume_clear(&v);
		if (!good)
			clock_sleep_us(500000);
	}
	return said(good, status);
}

static void nova_volume(void)
{
	const struct nova_attach a = {.server = uuid,
				      .volume = volume,
				      .tag = "data",
				      .delete_on_termination = NOVA_YES};
	struct cinder_attachments list;
	struct nova_volumes v;

	DO(nova_volume_attach(s, &a, &e));
	wait_volume("in-use");
	DO(nova_volumes_list(s, uuid, &v, &e));
	IS(v.n == 1 && v.v[0].device && v.v[0].attachment_id);
	IS(v.n == 1 && v.v[0].delete_on_termination == NOVA_YES);
	IS(v.n == 1 && v.v[0].tag && !strcmp(v.v[0].tag, "data"));
	/* Nova's own attachment: not ours to delete without a service role */
	if (v.n == 1)
		NOT(cinder_attachment_delete(s, v.v[0].attachment_id, &e),
		    ERR_CONFLICT);
	DO(cinder_attachments_list(s, uuid, NULL, &list, &e));
	IS(list.n == 1 && !strcmp(list.v[0].status, "attached"));
	cinder_attachments_clear(&list);
	nova_volumes_clear(&v);
	DO(nova_volume_detach(s, uuid, volume, &e));
	wait_volume("available");
	NOT(nova_volume_detach(s, uuid, volume, &e), ERR_FAILED);
}

static void hosts(void)
{
	struct nova_services v;
	struct nova_hypervisors h;

	DO(nova_services_list(s, target, "nova-compute", &v, &e));
	IS(v.n == 1 && v.v[0].forced_down == NOVA_NO);
	nova_services_clear(&v);
	DO(nova_service_force_down(s, target, true, &e));
	DO(nova_services_list(s, target, NULL, &v, &e));
	IS(v.n == 1 && v.v[0].forced_down == NOVA_YES &&
	   !strcmp(v.v[0].state, "down"));
	nova_services_clear(&v);
	DO(nova_service_force_down(s, target, false, &e));
	DO(nova_hypervisors_list(s, &h, &e));
	IS(h.n == 2);
	nova_hypervisors_clear(&h);
}

static void history(void)
{
	const struct nova_migration_filter f = {.instance = uuid};
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct nova_migrations m;
	struct nova_actions a;

	DO(nova_migrations_list(s, &f, &m, &e));
	nova_migrations_clear(&m);
	DO(nova_actions_list(s, uuid, &a, &e));
	IS(a.n > 0 && a.v[0].request_id);
	nova_actions_clear(&a);
	DO(nova_console_get(s, uuid, 20, &b, &e));
	IS(b.len > 0);
}

static void stop(void)
{
	struct nova_server srv;

	DO(nova_server_stop(s, uuid, &e));
	DO(nova_server_wait(s, uuid, "stopped", 90000000, &srv, &e));
	IS(srv.power_state == 4);
	nova_server_clear(&srv);
	NOT(nova_server_stop(s, uuid, &e), ERR_CONFLICT);
}

static void start(void)
{
	struct nova_server srv;

	DO(nova_server_start(s, uuid, &e));
	DO(nova_server_wait(s, uuid, "active", 90000000, &srv, &e));
	nova_server_clear(&srv);
}

static void ports(void)
{
	struct neutron_ports v;
	struct neutron_port p;
	struct neutron_bind b = {.revision = -1};
	AUTO(strv_clear) struct strv ext = STRV_INIT;
	AUTO(mem_freep) char *id = NULL;
	int64_t revision;

	DO(neutron_extensions_list(s, &ext, &e));
	IS(strv_has(&ext, "binding"));
	DO(neutron_ports_list(s, uuid, &v, &e));
	if (!IS(v.n == 1 && v.v[0].sees_binding && v.v[0].host))
		return;
	b.port = id = mem_strdup(v.v[0].id);
	revision = v.v[0].revision;
	neutron_ports_clear(&v);
	b.host = target;
	DO(neutron_port_bind(s, &b, &p, &e));
	IS(p.host && !strcmp(p.host, target) && p.vif_type &&
	   strcmp(p.vif_type, "binding_failed"));
	neutron_port_clear(&p);
	DO(neutron_port_get(s, id, &p, &e));
	IS(p.revision > revision);
	neutron_port_clear(&p);
	b.host = home;
	b.revision = revision; /* an old one */
	NOT(neutron_port_bind(s, &b, &p, &e), ERR_CONFLICT);
	b.revision = -1;
	DO(neutron_port_bind(s, &b, &p, &e));
	neutron_port_clear(&p);
}

static void allocations(void)
{
	struct placement_provider from, to;
	struct placement_allocations a, old;
	struct placement_inventories inv;
	struct placement_move m = {.consumer = uuid};

	if (!DO(placement_provider_find(s, home_node, &from, &e)))
		return;
	if (!DO(placement_provider_find(s, node, &to, &e))) {
		placement_provider_clear(&from);
		return;
	}
	NOT(placement_provider_find(s, "nowhere",
				    &(struct placement_provider){0}, &e),
	    ERR_FAILED);
	DO(placement_inventories_get(s, to.uuid, &inv, &e));
	IS(inv.n >= 3);
	placement_inventories_clear(&inv);
	DO(placement_allocations_get(s, uuid, &old, &e));
	IS(old.n == 1 && old.generation >= 0 && old.v[0].n >= 2);
	m.from = from.uuid;
	m.to = to.uuid;
	DO(placement_move(s, &m, &e));
	DO(placement_allocations_get(s, uuid, &a, &e));
	IS(a.n == 1 && !strcmp(a.v[0].provider, to.uuid));
	placement_allocations_clear(&a);
	/* the generation that was read first is old now */
	NOT(placement_allocations_put(s, uuid, &old, &e), ERR_CONFLICT);
	DO(placement_move(s, &m, &e)); /* nothing to do */
	m.from = to.uuid;
	m.to = from.uuid;
	DO(placement_move(s, &m, &e));
	placement_allocations_clear(&old);
	placement_provider_clear(&from);
	placement_provider_clear(&to);
}

static void new_flow(void)
{
	struct cinder_attach want = {.volume = volume, .instance = uuid};
	AUTO(mem_freep)
	char *connector = mem_printf("{\"host\":\"%s\",\"ip\":\"10.77.0.30\","
				     "\"initiator\":\"iqn.1993-08.org.debian:x"
				     "\",\"multipath\":false,\"os_type\":"
				     "\"linux\",\"platform\":\"x86_64\"}",
				     target);
	struct cinder_attachment a, b;

	if (!DO(cinder_attachment_create(s, &want, &a, &e)))
		return;
	IS(!strcmp(a.status, "reserved"));
	wait_volume("reserved");
	DO(cinder_attachment_update(s, a.id, connector, &b, &e));
	IS(b.connection && strstr(b.connection, "driver_volume_type"));
	cinder_attachment_clear(&b);
	DO(cinder_attachment_complete(s, a.id, &e));
	wait_volume("in-use");
	DO(cinder_attachment_get(s, a.id, &b, &e));
	IS(!strcmp(b.status, "attached"));
	cinder_attachment_clear(&b);
	DO(cinder_attachment_delete(s, a.id, &e));
	NOT(cinder_attachment_delete(s, a.id, &e), ERR_NOTHING);
	wait_volume("available");
	cinder_attachment_clear(&a);
}

static void old_flow(void)
{
	AUTO(buf_clear) struct buf info = BUF_INIT;
	struct cinder_action a = {
		.volume = volume,
		.instance = uuid,
		.device = "/dev/vdz",
		.connector = "{\"host\":\"h\",\"ip\":\"10.77.0.30\"}",
	};

	a.act = CINDER_RESERVE;
	DO(cinder_volume_act(s, &a, NULL, &e));
	a.act = CINDER_UNRESERVE;
	DO(cinder_volume_act(s, &a, NULL, &e));
	a.act = CINDER_RESERVE;
	DO(cinder_volume_act(s, &a, NULL, &e));
	a.act = CINDER_INITIALIZE_CONNECTION;
	DO(cinder_volume_act(s, &a, &info, &e));
	IS(strstr(buf_str(&info), "driver_volume_type") != NULL);
	a.act = CINDER_ATTACH;
	DO(cinder_volume_act(s, &a, NULL, &e));
	wait_volume("in-use");
	a.act = CINDER_BEGIN_DETACHING;
	DO(cinder_volume_act(s, &a, NULL, &e));
	a.act = CINDER_ROLL_DETACHING;
	DO(cinder_volume_act(s, &a, NULL, &e));
	a.act = CINDER_BEGIN_DETACHING;
	DO(cinder_volume_act(s, &a, NULL, &e));
	a.act = CINDER_TERMINATE_CONNECTION;
	DO(cinder_volume_act(s, &a, NULL, &e));
	a.act = CINDER_DETACH;
	DO(cinder_volume_act(s, &a, NULL, &e));
	wait_volume("available");
}

/* The token is revoked behind our back: one 401, a new one. */
static void revoked(void)
{
	AUTO(mem_freep)
	char *header = mem_printf("X-Subject-Token: %s", s->token.id);
	struct api_call c = {
		.service = CLOUD_IDENTITY,
		.method = API_DELETE,
		.path = "/auth/tokens",
		.header = header,
	};
	struct nova_server srv;

	DO(api_do(s, &c, &e));
	DO(nova_server_get(s, uuid, &srv, &e));
	nova_server_clear(&srv);
}

static void wrong(const struct cloud *good)
{
	struct cloud c = *good;
	struct api_session *bad;
	struct api_identity id;

	c.password = (char *)(uintptr_t) "sesame";
	bad = api_open(&c, NULL, &e);
	NOT(api_whoami(bad, &id, &e), ERR_REFUSED);
	api_close(bad);
}

int main(int argc, char **argv)
{
	struct cloud_options o = {.env = (const char *const *)environ,
				  .cwd = "."};
	struct cloud c;

	if (argc != 4 && argc != 5) {
		fprintf(stderr,
			"usage: t-api-real SERVER VOLUME TARGET [NODE]\n");
		return 2;
	}
	name = argv[1];
	volume = argv[2];
	target = argv[3];
	node = argc > 4 ? argv[4] : target;
	if (!DO(cloud_load(&o, &c, &e)))
		return 1;
	s = api_open(&c, NULL, &e);
	versions();
	if (find()) {
		lock();
		nova_volume();
		hosts();
		history();
		stop();
		ports();
		allocations();
		new_flow();
		old_flow();
		start();
		revoked();
		if (c.auth == CLOUD_PASSWORD)
			wrong(&c);
		else
			skipped++;
	}
	api_close(s);
	cloud_clear(&c);
	mem_free(uuid);
	mem_free(home);
	mem_free(home_node);
	printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	return failed ? 1 : 0;
}
