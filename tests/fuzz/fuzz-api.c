/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the services: the first byte chooses the parser.  What is accepted
 * has the fields that callers rely on; what is not leaves nothing behind. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "api/cinder.h"
#include "api/json_priv.h"
#include "api/neutron.h"
#include "api/nova_priv.h"
#include "api/placement.h"
#include "api/token_priv.h"

static struct err e;

static void server(const char *p, size_t n)
{
	struct nova_server s;

	if (nova_server_parse(p, n, &s, &e) == 0)
		FUZZ_ASSERT(s.id && *s.id);
	else
		FUZZ_ASSERT(!s.id && !s.n_volumes);
	nova_server_clear(&s);
}

static void nova_lists(const char *p, size_t n)
{
	AUTO(strv_clear) struct strv ids = STRV_INIT;
	AUTO(buf_clear) struct buf console = BUF_INIT;
	struct nova_volumes v;
	struct nova_services s;
	struct nova_hypervisors h;
	struct nova_migrations m;
	struct nova_actions a;

	if (nova_volumes_parse(p, n, &v, &e) == 0)
		for (size_t i = 0; i < v.n; i++)
			FUZZ_ASSERT(v.v[i].volume_id);
	nova_volumes_clear(&v);
	if (nova_services_parse(p, n, &s, &e) == 0)
		for (size_t i = 0; i < s.n; i++)
			FUZZ_ASSERT(s.v[i].host && s.v[i].binary);
	nova_services_clear(&s);
	if (nova_hypervisors_parse(p, n, &h, &e) == 0)
		for (size_t i = 0; i < h.n; i++)
			FUZZ_ASSERT(h.v[i].node);
	nova_hypervisors_clear(&h);
	nova_migrations_parse(p, n, &m, &e);
	nova_migrations_clear(&m);
	nova_actions_parse(p, n, &a, &e);
	nova_actions_clear(&a);
	nova_names_parse(p, n, "x", &ids, &e);
	nova_console_parse(p, n, &console, &e);
	mem_free(nova_next_parse(p, n, "servers_links"));
}

static void ports(const char *p, size_t n)
{
	AUTO(strv_clear) struct strv names = STRV_INIT;
	struct neutron_ports v;
	struct neutron_port one;
	struct neutron_agents agents;

	if (neutron_ports_parse(p, n, &v, &e) == 0)
		for (size_t i = 0; i < v.n; i++) {
			FUZZ_ASSERT(v.v[i].id);
			FUZZ_ASSERT(!v.v[i].profile ||
				    json_is_text(v.v[i].profile));
		}
	neutron_ports_clear(&v);
	neutron_port_parse(p, n, &one, &e);
	neutron_port_clear(&one);
	neutron_extensions_parse(p, n, &names, &e);
	neutron_agents_parse(p, n, &agents, &e);
	neutron_agents_clear(&agents);
}

/* What was read can be written for every version, and moved back. */
static void allocations(const char *p, size_t n)
{
	const struct placement_move there = {.from = "S", .to = "D"};
	const struct placement_move back = {.from = "D", .to = "S"};
	struct placement_allocations a;
	bool changed;

	if (placement_allocations_parse(p, n, &a, &e) == 0) {
		for (int minor = 0; minor < 38; minor += 4) {
			char *b = placement_allocations_body(
				&a, (struct api_version){1, minor});

			FUZZ_ASSERT(json_is_text(b));
			mem_free(b);
		}
		if (placement_move_plan(&a, &there, &changed, &e) == 0) {
			FUZZ_ASSERT(a.n == 1 && !strcmp(a.v[0].provider, "D"));
			FUZZ_ASSERT(
				!placement_move_plan(&a, &back, &changed, &e));
			FUZZ_ASSERT(changed);
		}
	} else {
		FUZZ_ASSERT(!a.n && a.generation == -1);
	}
	placement_allocations_clear(&a);
}

static void placements(const char *p, size_t n)
{
	AUTO(strv_clear) struct strv users = STRV_INIT;
	struct placement_inventories v;
	struct placement_provider r;

	placement_consumers_parse(p, n, &users, &e);
	placement_traits_parse(p, n, &users, &e);
	if (placement_inventories_parse(p, n, &v, &e) == 0)
		placement_usages_parse(p, n, &v, &e);
	placement_inventories_clear(&v);
	if (placement_provider_parse(p, n, "n", &r, &e) == 0)
		FUZZ_ASSERT(r.uuid && !strcmp(r.name, "n"));
	placement_provider_clear(&r);
}

static void volumes(const char *p, size_t n)
{
	struct cinder_attachments list;
	struct cinder_attachment a;
	struct cinder_volume v;

	if (cinder_volume_parse(p, n, &v, &e) == 0)
		FUZZ_ASSERT(v.id && v.status);
	cinder_volume_clear(&v);
	if (cinder_attachment_parse(p, n, &a, &e) == 0)
		FUZZ_ASSERT(a.id);
	cinder_attachment_clear(&a);
	cinder_attachments_parse(p, n, &list, &e);
	cinder_attachments_clear(&list);
}

static void session(const char *p, size_t n)
{
	static const char *const types[] = {"compute", NULL};
	struct version_offers o;
	struct token t;
	char *s = fault_text(p, n);

	FUZZ_ASSERT(strlen(s) <= 400 && !strchr(s, '\n'));
	mem_free(s);
	for (int v2 = 0; v2 < 2; v2++) {
		if (token_parse(p, n, v2, &t, &e) == 0) {
			FUZZ_ASSERT(t.life_us > 0 && (!v2 || t.id));
			token_find(&t, types, "R", CLOUD_PUBLIC);
		}
		token_clear(&t);
	}
	version_offers_parse(p, n, &o, &e);
	version_offers_clear(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const char *, size_t) = {
		server,	    nova_lists, ports,	 allocations,
		placements, volumes,	session,
	};

	if (!size)
		return 0;
	parsers[data[0] % (sizeof(parsers) / sizeof(parsers[0]))](
		(const char *)data + 1, size - 1);
	err_clear(&e);
	return 0;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const char *const seeds[] = {
		"7{\"server\": {\"id\": \"i\", \"image\": {\"id\": \"x\"}, "
		"\"flavor\": {\"id\": 1}, \"locked\": true, "
		"\"OS-EXT-STS:power_state\": 4, \"config_drive\": \"True\", "
		"\"os-extended-volumes:volumes_attached\": [{\"id\": "
		"\"v\"}]}}",
		"8{\"volumeAttachments\": [{\"volumeId\": \"v\", "
		"\"delete_on_termination\": true}]}",
		"8{\"services\": [{\"id\": 2, \"host\": \"h\", \"binary\": "
		"\"b\"}], \"servers_links\": [{\"rel\": \"next\", \"href\": "
		"\"http://x?y\"}], \"servers\": [{\"id\": \"i\", \"name\": "
		"\"x\"}]}",
		"8{\"hypervisors\": [{\"id\": \"u\", "
		"\"hypervisor_hostname\": \"n\", \"vcpus\": 2}], "
		"\"migrations\": [{\"id\": 3, \"status\": \"done\"}]}",
		"9{\"ports\": [{\"id\": \"p\", \"binding:profile\": {}, "
		"\"binding:host_id\": \"h\", \"fixed_ips\": "
		"[{\"ip_address\": \"::1\"}]}], \"extensions\": "
		"[{\"alias\": \"a\"}]}",
		":{\"allocations\": {\"S\": {\"resources\": {\"VCPU\": 1}}, "
		"\"D\": {\"resources\": {\"VCPU\": 1}}}, "
		"\"consumer_generation\": 1, \"project_id\": \"p\"}",
		";{\"inventories\": {\"VCPU\": {\"total\": 4, "
		"\"allocation_ratio\": 1.5}}, \"usages\": {\"VCPU\": 1}, "
		"\"resource_providers\": [{\"uuid\": \"u\", \"name\": "
		"\"n\"}]}",
		"<{\"volume\": {\"id\": \"v\", \"status\": \"in-use\", "
		"\"attachments\": [{\"server_id\": \"s\"}]}}",
		"<{\"attachment\": {\"id\": \"a\", \"connection_info\": "
		"{\"x\": 1}}, \"attachments\": [{\"id\": \"a\"}]}",
		"={\"token\": {\"issued_at\": \"2020-01-01T00:00:00Z\", "
		"\"expires_at\": \"2020-01-01T01:00:00Z\", \"roles\": "
		"[{\"name\": \"A\"}], \"catalog\": [{\"type\": \"compute\", "
		"\"endpoints\": [{\"interface\": \"public\", \"region\": "
		"\"R\", \"url\": \"http://x\"}]}]}}",
		"={\"versions\": {\"values\": [{\"id\": \"v3.14\"}]}, "
		"\"version\": {\"id\": \"v2.1\", \"version\": \"2.93\", "
		"\"min_version\": \"2.1\"}}",
	};

	if (k >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[k]) > cap)
		return 0;
	memcpy(buf, seeds[k], strlen(seeds[k]));
	return strlen(seeds[k]);
}
