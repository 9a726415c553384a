/* SPDX-License-Identifier: Apache-2.0 */
#include "steps/move.h"

#include <string.h>

#include "core/fs.h"
#include "core/uuid.h"

/*
 * One table a struct drives both directions, so that a member cannot be
 * written and not read back.
 */
enum kind {
	K_STR,
	K_STR0,
	K_STR_LATE, /* as K_STR0; older journals have no such member */
	K_BOOL,
	K_BOOL_LATE, /* likewise: false */
	K_U64,
	K_I64,
	K_U32,
	K_U32_LATE, /* likewise: 0 */
	K_ROOT,
};

struct field {
	const char *name;
	enum kind kind;
	size_t off;
};

#define F(type, member, kind)                                                  \
	{                                                                      \
#member, kind, offsetof(struct type, member)                   \
	}

static const struct field side_fields[] = {
	F(move_side, host, K_STR),	     F(move_side, node, K_STR),
	F(move_side, compute_id, K_I64),     F(move_side, ip, K_STR0),
	F(move_side, instances_path, K_STR), F(move_side, base_dir, K_STR),
	F(move_side, nvram_dir, K_STR0),     F(move_side, tpm_dir, K_STR0),
	F(move_side, nova_user, K_STR),	     F(move_side, nova_group, K_STR),
	F(move_side, connector, K_STR_LATE), F(move_side, home, K_STR_LATE),
};

static const struct field file_fields[] = {
	F(move_file, rel, K_STR),
	F(move_file, root, K_ROOT),
	F(move_file, format, K_STR0),
	F(move_file, disk, K_BOOL),
	F(move_file, info, K_BOOL),
	F(move_file, backing, K_STR0),
	F(move_file, backing_format, K_STR0),
	F(move_file, rebase, K_BOOL),
	F(move_file, size, K_U64),
	F(move_file, allocated, K_U64),
	F(move_file, user, K_STR),
	F(move_file, group, K_STR),
	F(move_file, mode, K_U32),
};

static const struct field base_fields[] = {
	F(move_base, name, K_STR), F(move_base, on_target, K_BOOL),
	F(move_base, size, K_U64), F(move_base, allocated, K_U64),
	F(move_base, user, K_STR), F(move_base, group, K_STR),
	F(move_base, mode, K_U32),
};

static const struct field port_fields[] = {
	F(move_port, mac, K_STR),
	F(move_port, id, K_STR),
	F(move_port, image, K_STR_LATE),
};

static const struct field volume_fields[] = {
	F(move_volume, id, K_STR),
	F(move_volume, bdm_id, K_I64),
	F(move_volume, attachment, K_STR),
	F(move_volume, device, K_STR),
	F(move_volume, mode, K_STR),
	F(move_volume, tag, K_STR_LATE),
	F(move_volume, delete_on_termination, K_BOOL_LATE),
};

static const struct field move_fields[] = {
	F(move, uuid, K_STR),
	F(move, name, K_STR),
	F(move, domain, K_STR),
	F(move, vm_state, K_STR),
	F(move, power_state, K_I64),
	F(move, availability_zone, K_STR0),
	F(move, was_running, K_BOOL),
	F(move, start, K_BOOL),
	F(move, placement, K_BOOL),
	F(move, neutron, K_BOOL),
	F(move, sql, K_BOOL_LATE),
	F(move, nova_start, K_BOOL_LATE),
	F(move, precopy, K_BOOL),
	F(move, precopy_max, K_U32_LATE),
	F(move, precopy_time_s, K_U32_LATE),
	F(move, verify_deep, K_BOOL),
	F(move, verify_full, K_BOOL),
	F(move, stop_timeout_s, K_I64),
	F(move, bwlimit, K_U64),
	F(move, streams, K_U32_LATE),
	F(move, delta, K_STR),
	F(move, transport, K_STR),
	F(move, domain_xml, K_STR0),
	F(move, dead, K_BOOL_LATE),
	F(move, disks, K_STR_LATE),
	F(move, accept_bad, K_BOOL_LATE),
	F(move, history, K_STR_LATE),
	F(move, fence_max_age_s, K_U32_LATE),
	F(move, adopt, K_BOOL_LATE),
};

static const char *const root_names[] = {
	[MOVE_INSTANCE] = "instance",
	[MOVE_NVRAM] = "nvram",
	[MOVE_TPM] = "tpm",
};

static json_t *field_out(const struct field *f, const void *obj)
{
	const char *p = (const char *)obj + f->off;
	const char *s;

	switch (f->kind) {
	case K_STR:
	case K_STR0:
	case K_STR_LATE:
		s = *(char *const *)p;
		return s ? json_string(s) : json_null();
	case K_BOOL:
	case K_BOOL_LATE:
		return json_boolean(*(const bool *)p);
	case K_U64:
		return json_integer((json_int_t) * (const uint64_t *)p);
	case K_I64:
		return json_integer(*(const int64_t *)p);
	case K_U32:
	case K_U32_LATE:
		return json_integer(*(const uint32_t *)p);
	case K_ROOT:
		return json_string(root_names[*(const enum move_root *)p]);
	}
	return json_null();
}

static json_t *fields_out(const struct field *f, size_t n, const void *obj)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, f[i].name, field_out(&f[i], obj));
	return o;
}

static int root_in(const json_t *v, enum move_root *out)
{
	const char *s = json_string_value(v);

	for (size_t i = 0; s && i < ARRAY_SIZE(root_names); i++) {
		if (!strcmp(s, root_names[i])) {
			*out = (enum move_root)i;
			return 0;
		}
	}
	return -1;
}

static int str_in(const json_t *v, bool null_ok, char **out)
{
	if (json_is_null(v) && null_ok)
		return 0;
	/* A NUL inside would cut the name that a later call sees. */
	if (!json_is_string(v) ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return -1;
	*out = mem_strdup(json_string_value(v));
	return 0;
}

static int int_in(const json_t *v, json_int_t min, json_int_t *out)
{
	if (!json_is_integer(v) || json_integer_value(v) < min)
		return -1;
	*out = json_integer_value(v);
	return 0;
}

static int field_in(const struct field *f, const json_t *v, void *obj)
{
	char *p = (char *)obj + f->off;
	json_int_t i = 0;

	switch (f->kind) {
	case K_STR:
	case K_STR0:
	case K_STR_LATE:
		return str_in(v, f->kind != K_STR, (char **)p);
	case K_BOOL:
	case K_BOOL_LATE:
		*(bool *)p = json_is_true(v);
		return json_is_boolean(v) ? 0 : -1;
	case K_U64:
		if (int_in(v, 0, &i))
			return -1;
		*(uint64_t *)p = (uint64_t)i;
		return 0;
	case K_I64:
		if (int_in(v, INT64_MIN, &i))
			return -1;
		*(int64_t *)p = i;
		return 0;
	case K_U32:
	case K_U32_LATE:
		if (int_in(v, 0, &i) || i > UINT32_MAX)
			return -1;
		*(uint32_t *)p = (uint32_t)i;
		return 0;
	case K_ROOT:
		return root_in(v, (enum move_root *)p);
	}
	return -1;
}

static bool late(enum kind k)
{
	return k == K_STR_LATE || k == K_BOOL_LATE || k == K_U32_LATE;
}

static int fields_in(const struct field *f, size_t n, const json_t *o,
		     void *obj, struct err *e)
{
	if (!json_is_object(o))
		return err_set(e, ERR_REFUSED, "plan: an object is missing");
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(o, f[i].name);

		if (!v && late(f[i].kind))
			continue;
		if (!v || field_in(&f[i], v, obj))
			return err_set(e, ERR_REFUSED,
				       "plan: member \"%s\" is %s", f[i].name,
				       v ? "of the wrong kind" : "missing");
	}
	return 0;
}

#define OUT(fields, obj) fields_out(fields, ARRAY_SIZE(fields), obj)
#define IN(fields, o, obj, e) fields_in(fields, ARRAY_SIZE(fields), o, obj, e)

static json_t *volumes_out(const struct move_volume *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, OUT(volume_fields, &v[i]));
	return a;
}

json_t *move_to_json(const struct move *m)
{
	json_t *o = OUT(move_fields, m);
	json_t *files = json_array(), *bases = json_array();
	json_t *ports = json_array();

	json_object_set_new(o, "src", OUT(side_fields, &m->src));
	json_object_set_new(o, "dst", OUT(side_fields, &m->dst));
	for (size_t i = 0; i < m->nfiles; i++)
		json_array_append_new(files, OUT(file_fields, &m->files[i]));
	for (size_t i = 0; i < m->nbases; i++)
		json_array_append_new(bases, OUT(base_fields, &m->bases[i]));
	json_object_set_new(o, "files", files);
	for (size_t i = 0; i < m->nports; i++)
		json_array_append_new(ports, OUT(port_fields, &m->ports[i]));
	json_object_set_new(o, "bases", bases);
	json_object_set_new(o, "ports", ports);
	json_object_set_new(o, "volumes", volumes_out(m->volumes, m->nvolumes));
	json_object_set_new(o, "detached",
			    volumes_out(m->detached, m->ndetached));
	return o;
}

/* NVRAM and vTPM state, which Nova removes when a start fails. */
static bool has_state(const struct move *m)
{
	for (size_t i = 0; i < m->nfiles; i++)
		if (m->files[i].root != MOVE_INSTANCE)
			return true;
	return false;
}

static int check_names(const struct move *m, struct err *e)
{
	if (!uuid_valid(m->uuid))
		return err_set(e, ERR_REFUSED, "plan: \"%s\" is not a uuid",
			       m->uuid);
	for (size_t i = 0; i < m->nfiles; i++)
		if (!fs_rel_ok(m->files[i].rel))
			return err_set(e, ERR_REFUSED,
				       "plan: \"%s\" is not a plain path",
				       m->files[i].rel);
	for (size_t i = 0; i < m->nbases; i++)
		if (!fs_rel_ok(m->bases[i].name) ||
		    strchr(m->bases[i].name, '/'))
			return err_set(e, ERR_REFUSED,
				       "plan: \"%s\" is not a plain name",
				       m->bases[i].name);
	for (size_t i = 0; i < m->nvolumes; i++)
		if (!m->src.connector || !m->dst.connector)
			return err_set(e, ERR_REFUSED,
				       "plan: a connector is missing");
	if (*m->src.instances_path != '/' || *m->dst.instances_path != '/' ||
	    *move_home(&m->src) != '/')
		return err_set(e, ERR_REFUSED,
			       "plan: instances_path is not absolute");
	if (m->dead && !m->disks)
		return err_set(e, ERR_REFUSED,
			       "plan: where the disks are is missing");
	if (m->history && strcmp(m->history, "migration") != 0 &&
	    strcmp(m->history, "evacuation") != 0)
		return err_set(e, ERR_REFUSED, "plan: no record '%s' is known",
			       m->history);
	if (!m->dead && m->history && strcmp(m->history, "migration") != 0)
		return err_set(e, ERR_REFUSED,
			       "plan: only a dead host's record is armed");
	if (m->adopt && (!m->dead || !m->start || !m->nova_start || m->sql ||
			 m->accept_bad || has_state(m) ||
			 (m->history && strcmp(m->history, "migration") != 0)))
		return err_set(e, ERR_REFUSED,
			       "plan: Nova takes over whole disks of a dead "
			       "host's running guest alone, and makes the "
			       "record itself");
	if (!fs_rel_ok(m->src.base_dir) || !fs_rel_ok(m->dst.base_dir))
		return err_set(e, ERR_REFUSED, "plan: base_dir is not plain");
	return 0;
}

/* Journals of before there were any have none. */
static int volumes_in(const json_t *j, const char *name, struct move_volume **v,
		      size_t *n, struct err *e)
{
	const json_t *a = json_object_get(j, name);

	if (a && !json_is_array(a))
		return err_set(e, ERR_REFUSED, "plan: %s is no list", name);
	*v = MEM_NEW_N(struct move_volume, json_array_size(a));
	for (size_t i = 0; i < json_array_size(a); i++) {
		*n = i + 1;
		if (IN(volume_fields, json_array_get(a, i), &(*v)[i], e))
			return -1;
	}
	return 0;
}

static int arrays_in(struct move *m, const json_t *j, struct err *e)
{
	const json_t *files = json_object_get(j, "files");
	const json_t *bases = json_object_get(j, "bases");
	const json_t *ports = json_object_get(j, "ports");

	if (!json_is_array(files) || !json_is_array(bases) ||
	    !json_is_array(ports))
		return err_set(e, ERR_REFUSED,
			       "plan: files, bases or ports missing");
	m->ports = MEM_NEW_N(struct move_port, json_array_size(ports));
	for (size_t i = 0; i < json_array_size(ports); i++) {
		m->nports = i + 1;
		if (IN(port_fields, json_array_get(ports, i), &m->ports[i], e))
			return -1;
	}
	m->files = MEM_NEW_N(struct move_file, json_array_size(files));
	for (size_t i = 0; i < json_array_size(files); i++) {
		m->nfiles = i + 1;
		if (IN(file_fields, json_array_get(files, i), &m->files[i], e))
			return -1;
	}
	m->bases = MEM_NEW_N(struct move_base, json_array_size(bases));
	for (size_t i = 0; i < json_array_size(bases); i++) {
		m->nbases = i + 1;
		if (IN(base_fields, json_array_get(bases, i), &m->bases[i], e))
			return -1;
	}
	if (volumes_in(j, "volumes", &m->volumes, &m->nvolumes, e))
		return -1;
	return volumes_in(j, "detached", &m->detached, &m->ndetached, e);
}

struct move *move_from_json(const json_t *j, struct err *e)
{
	struct move *m = move_new();

	if (IN(move_fields, j, m, e) ||
	    IN(side_fields, json_object_get(j, "src"), &m->src, e) ||
	    IN(side_fields, json_object_get(j, "dst"), &m->dst, e) ||
	    arrays_in(m, j, e) || check_names(m, e)) {
		move_free(m);
		return NULL;
	}
	return m;
}

struct move *move_new(void)
{
	return MEM_NEW(struct move);
}

static void fields_free(const struct field *f, size_t n, void *obj)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].kind == K_STR || f[i].kind == K_STR0 ||
		    f[i].kind == K_STR_LATE)
			mem_freep((char *)obj + f[i].off);
}

#define FREE(fields, obj) fields_free(fields, ARRAY_SIZE(fields), obj)

void move_free(struct move *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->nfiles; i++)
		FREE(file_fields, &m->files[i]);
	for (size_t i = 0; i < m->nbases; i++)
		FREE(base_fields, &m->bases[i]);
	for (size_t i = 0; i < m->nports; i++)
		FREE(port_fields, &m->ports[i]);
	mem_free(m->ports);
	for (size_t i = 0; i < m->nvolumes; i++)
		FREE(volume_fields, &m->volumes[i]);
	mem_free(m->volumes);
	for (size_t i = 0; i < m->ndetached; i++)
		FREE(volume_fields, &m->detached[i]);
	mem_free(m->detached);
	FREE(side_fields, &m->src);
	FREE(side_fields, &m->dst);
	FREE(move_fields, m);
	mem_free(m->files);
	mem_free(m->bases);
	mem_free(m);
}

void move_freep(struct move **m)
{
	move_free(*m);
	*m = NULL;
}

uint64_t move_bytes(const struct move *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->nfiles; i++)
		n += m->files[i].allocated;
	for (size_t i = 0; i < m->nbases; i++)
		n += m->bases[i].on_target ? 0 : m->bases[i].allocated;
	return n;
}
