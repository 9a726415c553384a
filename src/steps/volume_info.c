/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <openssl/evp.h>

#include "steps/volumes.h"

static void json_freep(json_t **j)
{
	json_decref(*j);
}

static json_t *text(const char *s)
{
	return json_string(s ? s : "");
}

static void keep_path(json_t *data, const char *like)
{
	AUTO(json_freep) json_t *j = like ? json_loads(like, 0, NULL) : NULL;
	json_t *path =
		json_object_get(json_object_get(j, "data"), "device_path");

	if (json_is_string(path))
		json_object_set(data, "device_path", path);
}

char *volume_info(const struct volume_att *a, const char *volume,
		  const char *like, struct err *e)
{
	AUTO(json_freep)
	json_t *data =
		a->connection ? json_loads(a->connection, 0, NULL) : NULL;
	AUTO(json_freep) json_t *info = json_object();
	json_t *driver = json_object_get(data, "driver_volume_type");
	char *out;

	if (!json_is_string(driver)) {
		err_set(e, ERR_FAILED,
			"Cinder's attachment %s of volume %s has no "
			"connection",
			a->id, volume);
		return NULL;
	}
	json_object_set(info, "driver_volume_type", driver);
	json_object_del(data, "driver_volume_type");
	json_object_del(data, "attachment_id");
	keep_path(data, like);
	json_object_set(info, "data", data);
	json_object_set_new(info, "status", text(a->status));
	json_object_set_new(info, "instance", text(a->instance));
	json_object_set_new(info, "attached_at", text(NULL));
	json_object_set_new(info, "detached_at", text(NULL));
	json_object_set_new(info, "volume_id", text(volume));
	json_object_set_new(info, "serial", text(volume));
	out = json_dumps(info, 0);
	if (out)
		return out;
	err_set(e, ERR_BUG, "volume %s: its connection is no JSON", volume);
	return NULL;
}

static void md5_hex(const char *s, char out[33])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(s, strlen(s), md, &n, EVP_md5(), NULL);
	hex_encode(md, 16, out);
}

/* BASE/<md5 of the share>/<name of the volume> */
bool volume_mount(const char *info, char **mountpoint, char **share)
{
	AUTO(json_freep) json_t *j = json_loads(info, 0, NULL);
	const json_t *data = json_object_get(j, "data");
	const char *export = json_string_value(json_object_get(data, "export"));
	const char *path =
		json_string_value(json_object_get(data, "device_path"));
	const char *file = path ? strrchr(path, '/') : NULL;
	AUTO(mem_freep)
	char *dir = file ? mem_strndup(path, (size_t)(file - path)) : NULL;
	const char *hash = dir ? strrchr(dir, '/') : NULL;
	char want[33];

	if (!export || !hash || hash == dir)
		return false;
	md5_hex(export, want);
	if (strcmp(hash + 1, want) != 0)
		return false;
	*mountpoint = mem_strdup(dir);
	*share = mem_strdup(export);
	return true;
}
