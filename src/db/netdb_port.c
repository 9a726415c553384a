/* SPDX-License-Identifier: Apache-2.0 */
/* Neutron's ports: their rows, and whether SQL may bind them elsewhere. */
#include <jansson.h>

#include "core/str.h"
#include "db/netdb_priv.h"

/* neutron's agent_down_time */
enum { AGENT_DOWN_S = 75 };

/* Which agent serves which driver of ML2. */
static const struct {
	const char *driver, *vif, *agent;
} kinds[] = {
	{"linuxbridge", "bridge", "Linux bridge agent"},
	{"openvswitch", "ovs", "Open vSwitch agent"},
};

static void json_freep(json_t **j)
{
	json_decref(*j);
}

void netdb_port_clear(struct netdb_port *p)
{
	char *owned[] = {p->id,	    p->host,  p->vif_type, p->vnic_type,
			 p->status, p->image, p->unfit};

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		mem_free(owned[i]);
	*p = (struct netdb_port){.revision = -1};
}

void netdb_ports_clear(struct netdb_ports *v)
{
	for (size_t i = 0; i < v->n; i++)
		netdb_port_clear(&v->v[i]);
	mem_free(v->v);
	*v = (struct netdb_ports){0};
}

void port_rows_clear(struct port_rows *r)
{
	my_rows_clear(&r->port);
	my_rows_clear(&r->bindings);
	my_rows_clear(&r->levels);
}

int port_rows_read(struct my_conn *c, const char *id, struct port_rows *r,
		   struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("p", id)};

	*r = (struct port_rows){.at = 0};
	if (my_select(c, "neutron.port", SQL_ARGS(args), &r->port, e) ||
	    my_select(c, "neutron.bindings", SQL_ARGS(args), &r->bindings, e) ||
	    my_select(c, "neutron.levels", SQL_ARGS(args), &r->levels, e))
		return -1;
	for (size_t i = 0; i < r->bindings.n; i++) {
		bool on = str_is(my_cell(&r->bindings, i, "status"), "ACTIVE");

		r->active += on;
		r->inactive += !on;
		r->at = on ? i : r->at;
	}
	return 0;
}

/* ---- images */

void port_image_clear(struct port_image *i)
{
	for (size_t k = 0; k < i->n; k++) {
		mem_free(i->levels[k].driver);
		mem_free(i->levels[k].segment);
	}
	mem_free(i->levels);
	mem_free(i->host);
	mem_free(i->vif_type);
	mem_free(i->vif_details);
	mem_free(i->status);
	*i = (struct port_image){.n = 0};
}

static char *image_text(const struct port_rows *r)
{
	const struct my_rows *b = &r->bindings;
	json_t *levels = json_array();
	AUTO(json_freep) json_t *j = NULL;

	for (size_t i = 0; i < r->levels.n; i++)
		json_array_append_new(
			levels,
			json_pack("{s:I, s:s?, s:s?}", "level",
				  (json_int_t)my_num(&r->levels, i, "level", 0),
				  "driver", my_cell(&r->levels, i, "driver"),
				  "segment",
				  my_cell(&r->levels, i, "segment")));
	j = json_pack("{s:s, s:s, s:s, s:s, s:o}", "host",
		      my_cell(b, r->at, "host"), "vif_type",
		      my_cell(b, r->at, "vif_type"), "vif_details",
		      my_cell(b, r->at, "vif_details"), "status",
		      my_cell(&r->port, 0, "status"), "levels", levels);
	return j ? json_dumps(j, JSON_COMPACT) : NULL;
}

static int parse_levels(const json_t *list, struct port_image *out)
{
	const json_t *l;
	size_t i;

	out->levels = MEM_NEW_N(struct port_level, json_array_size(list) + 1);
	json_array_foreach (list, i, l) {
		const json_t *level = json_object_get(l, "level");
		const json_t *driver = json_object_get(l, "driver");
		const json_t *segment = json_object_get(l, "segment");

		if (!json_is_integer(level) ||
		    !(json_is_null(driver) || json_is_string(driver)) ||
		    !(json_is_null(segment) || json_is_string(segment)))
			return -1;
		out->levels[out->n++] = (struct port_level){
			json_integer_value(level),
			mem_strdup0(json_string_value(driver)),
			mem_strdup0(json_string_value(segment))};
	}
	return 0;
}

int port_image_parse(const char *text, struct port_image *out, struct err *e)
{
	AUTO(json_freep) json_t *j = json_loads(text, 0, NULL);
	const char *host, *vif, *details, *status;
	json_t *levels = NULL;

	*out = (struct port_image){.n = 0};
	if (json_unpack(j, "{s:s, s:s, s:s, s:s, s:o}", "host", &host,
			"vif_type", &vif, "vif_details", &details, "status",
			&status, "levels", &levels) ||
	    !json_is_array(levels))
		return err_set(e, ERR_REFUSED,
			       "the kept image of a port is not of the form "
			       "that is written here");
	out->host = mem_strdup(host);
	out->vif_type = mem_strdup(vif);
	out->vif_details = mem_strdup(details);
	out->status = mem_strdup(status);
	if (!parse_levels(levels, out))
		return 0;
	port_image_clear(out);
	return err_set(e, ERR_REFUSED,
		       "the kept image of a port has a level "
		       "that is none");
}

/* ---- is it fit? */

/* Keys that Nova or the scheduler left for one host. */
static char *profile_unfit(const char *profile)
{
	static const char *const bound[] = {
		"pci_slot", "allocation", "migrating_to", "card_serial_number",
		"pci_vendor_info"};
	AUTO(json_freep) json_t *j = NULL;

	if (!profile || !*profile)
		return NULL;
	j = json_loads(profile, 0, NULL);
	if (!json_is_object(j))
		return mem_strdup("its binding profile cannot be read");
	for (size_t i = 0; i < ARRAY_SIZE(bound); i++)
		if (json_object_get(j, bound[i]))
			return mem_printf("its binding profile has '%s'",
					  bound[i]);
	return NULL;
}

/* Of kinds[]; ARRAY_SIZE(kinds) when it is bound by nothing that we know. */
static size_t kind_of(const struct port_rows *r)
{
	const char *vif = my_cell(&r->bindings, r->at, "vif_type");

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		size_t n = 0;

		for (size_t i = 0; i < r->levels.n; i++)
			n += str_is(my_cell(&r->levels, i, "driver"),
				    kinds[k].driver);
		if (n == 1 && r->levels.n == 1 && str_is(vif, kinds[k].vif))
			return k;
	}
	return ARRAY_SIZE(kinds);
}

static char *binding_unfit(const struct port_rows *r)
{
	const char *vnic;
	size_t k;

	if (r->active != 1)
		return mem_strdup("it has no active binding");
	if (r->inactive)
		return mem_strdup("it has an inactive binding: a live "
				  "migration of Nova's is not over");
	vnic = my_cell(&r->bindings, r->at, "vnic_type");
	if (!str_is(vnic, "normal"))
		return mem_printf("its vnic_type is '%s'", vnic);
	k = kind_of(r);
	if (k == ARRAY_SIZE(kinds))
		return mem_printf(
			"it is plugged as '%s' by '%s'; only linuxbridge and "
			"Open vSwitch on one level are bound on demand",
			my_cell(&r->bindings, r->at, "vif_type"),
			r->levels.n && my_cell(&r->levels, 0, "driver")
				? my_cell(&r->levels, 0, "driver")
				: "nothing");
	return profile_unfit(my_cell(&r->bindings, r->at, "profile"));
}

static char *tied(const struct my_rows *t)
{
	static const struct {
		const char *col, *words;
	} reasons[] = {
		{"trunk", "it belongs to a trunk"},
		{"dvr", "its network has a distributed router"},
		{"bandwidth", "it has a guaranteed bandwidth"},
		{"routed", "its subnet is tied to a segment"},
	};

	for (size_t i = 0; t->n && i < ARRAY_SIZE(reasons); i++)
		if (my_num(t, 0, reasons[i].col, 1) > 0)
			return mem_strdup(reasons[i].words);
	return NULL;
}

bool netdb_agent_reaches(const char *configurations, const char *type,
			 const char *physnet)
{
	static const char *const maps[] = {"bridge_mappings",
					   "interface_mappings"};
	AUTO(json_freep)
	json_t *j = configurations ? json_loads(configurations, 0, NULL) : NULL;
	const json_t *t;
	size_t i;

	if (!j || !type)
		return false;
	if (str_is(type, "local"))
		return false; /* never leaves its host */
	for (i = 0; physnet && i < ARRAY_SIZE(maps); i++)
		if (json_object_get(json_object_get(j, maps[i]), physnet))
			return true;
	if (physnet)
		return false;
	json_array_foreach (json_object_get(j, "tunnel_types"), i, t)
		if (str_is(json_string_value(t), type))
			return true;
	return false;
}

/* *WHY stays NULL when the agent of this kind on HOST serves the network. */
static int agent_unfit(struct my_conn *c, const struct port_rows *r,
		       const char *host, char **why, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("h", host)};
	const char *kind = kinds[kind_of(r)].agent;
	const char *type = my_cell(&r->levels, 0, "type");
	const char *net = my_cell(&r->levels, 0, "physnet");
	AUTO(my_rows_clear) struct my_rows a = {0};
	size_t k = 0;

	if (my_select(c, "neutron.agents", SQL_ARGS(args), &a, e))
		return -1;
	while (k < a.n && !str_is(my_cell(&a, k, "type"), kind))
		k++;
	if (k == a.n || a.n > 1)
		*why = mem_printf("%s has %s %s", host,
				  a.n ? "another agent than a" : "no", kind);
	else if (!my_true(&a, k, "up"))
		*why = mem_printf("the %s on %s is disabled", kind, host);
	else if (my_num(&a, k, "behind", INT64_MAX) > AGENT_DOWN_S)
		*why = mem_printf("the %s on %s was dead when Neutron last "
				  "heard of its agents",
				  kind, host);
	else if (!netdb_agent_reaches(my_cell(&a, k, "conf"), type, net))
		*why = mem_printf("the %s on %s does not serve the %s network "
				  "%s",
				  kind, host, type ? type : "unknown",
				  net ? net : "of the port");
	return 0;
}

static int judge(struct my_conn *c, const struct netdb_who *who,
		 const struct port_rows *r, struct netdb_port *p, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("p", p->id)};
	AUTO(my_rows_clear) struct my_rows t = {0};

	p->unfit = binding_unfit(r);
	if (p->unfit)
		return 0;
	if (my_select(c, "neutron.tied", SQL_ARGS(args), &t, e))
		return -1;
	p->unfit = tied(&t);
	if (!p->unfit && agent_unfit(c, r, who->from, &p->unfit, e))
		return -1;
	return p->unfit ? 0 : agent_unfit(c, r, who->to, &p->unfit, e);
}

static void say(const struct port_rows *r, struct netdb_port *p)
{
	p->id = my_dup(&r->port, 0, "id");
	p->status = my_dup(&r->port, 0, "status");
	p->revision = my_num(&r->port, 0, "revision", -1);
	if (!r->active)
		return;
	p->host = my_dup(&r->bindings, r->at, "host");
	p->vif_type = my_dup(&r->bindings, r->at, "vif_type");
	p->vnic_type = my_dup(&r->bindings, r->at, "vnic_type");
	p->image = image_text(r);
}

static int read_one(struct netdb *n, const char *id,
		    const struct netdb_who *who, struct netdb_port *out,
		    struct err *e)
{
	AUTO(port_rows_clear) struct port_rows r = {.at = 0};

	*out = (struct netdb_port){.revision = -1};
	if (port_rows_read(&n->b.c, id, &r, e))
		return -1;
	if (!r.port.n)
		return 0;
	say(&r, out);
	return who ? judge(&n->b.c, who, &r, out, e) : 0;
}

int netdb_port_read(struct netdb *n, const char *id, struct netdb_port *out,
		    struct err *e)
{
	*out = (struct netdb_port){.revision = -1};
	return my_ready(&n->b.c, e) ? -1 : read_one(n, id, NULL, out, e);
}

int netdb_ports_read(struct netdb *n, const struct netdb_who *who,
		     struct netdb_ports *out, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", who->device)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*out = (struct netdb_ports){.n = 0};
	if (my_ready(&n->b.c, e) ||
	    my_select(&n->b.c, "neutron.ports", SQL_ARGS(args), &r, e))
		return -1;
	out->v = MEM_NEW_N(struct netdb_port, r.n + 1);
	for (size_t i = 0; i < r.n; i++) {
		if (read_one(n, my_cell(&r, i, "id"), who, &out->v[out->n],
			     e)) {
			netdb_port_clear(&out->v[out->n]);
			netdb_ports_clear(out);
			return -1;
		}
		out->n += out->v[out->n].id != NULL;
	}
	return 0;
}
