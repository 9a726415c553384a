/* SPDX-License-Identifier: Apache-2.0 */
#include "image/diskinfo.h"

#include <string.h>

#include <jansson.h>

#include "core/buf.h"
#include "image/names.h"

static void json_freep(json_t **j)
{
	json_decref(*j);
}

void diskinfo_clear(struct diskinfo *d)
{
	for (size_t i = 0; i < d->n; i++)
		mem_free(d->v[i].path);
	mem_free(d->v);
	*d = (struct diskinfo){0};
}

static struct diskinfo_entry *next(struct diskinfo *d)
{
	return &d->v[d->n++];
}

static int from_json(json_t *root, struct diskinfo *d, struct err *e)
{
	const char *path, *word;
	enum image_format f;
	json_t *v;
	struct diskinfo_entry *slot;

	if (!json_is_object(root))
		return err_set(e, ERR_REFUSED, "it is not one JSON object");
	d->v = MEM_NEW_N(struct diskinfo_entry, json_object_size(root));
	json_object_foreach (root, path, v) {
		AUTO(mem_freep) char *q = image_name_quote(path);

		word = json_string_value(v);
		f = image_format_by_name(word);
		if (path[0] != '/')
			return err_set(e, ERR_REFUSED,
				       "key %s is not an absolute path", q);
		if (f == IMAGE_FORMAT_UNKNOWN) {
			AUTO(mem_freep)
			char *w = image_name_quote(word ? word : "");

			return err_set(e, ERR_REFUSED,
				       "%s has the format %s, not raw or qcow2",
				       q, w);
		}
		slot = next(d);
		slot->path = mem_strdup(path);
		slot->format = f;
	}
	return 0;
}

/* Nova strips white space at the end; nothing else is then the empty record. */
static size_t stripped(const char *text, size_t n)
{
	while (n && strchr(" \t\r\n", text[n - 1]) && text[n - 1])
		n--;
	return n;
}

int diskinfo_parse(const char *text, size_t n, struct diskinfo *d,
		   struct err *e)
{
	AUTO(json_freep) json_t *root = NULL;
	json_error_t je;

	*d = (struct diskinfo){0};
	if (n > DISKINFO_MAX)
		return err_set(e, ERR_REFUSED,
			       "disk.info: %zu bytes are too many", n);
	n = stripped(text, n);
	if (!n)
		return 0;
	root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
	if (!root)
		return err_set(e, ERR_REFUSED, "disk.info: byte %d: %s",
			       je.position, je.text);
	if (from_json(root, d, e)) {
		diskinfo_clear(d);
		return err_wrap(e, "disk.info");
	}
	return 0;
}

const char *diskinfo_format(const struct diskinfo *d, const char *path)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->v[i].path, path) == 0)
			return image_format_name(d->v[i].format);
	return NULL;
}

const char *diskinfo_format_in(const struct diskinfo *d,
			       const char *const *dirs, const char *name)
{
	const char *f = NULL;

	for (; *dirs && !f; dirs++) {
		AUTO(mem_freep) char *path = mem_printf("%s/%s", *dirs, name);

		f = diskinfo_format(d, path);
	}
	return f;
}

/* PATH's plain name if it is directly in one of DIRS. */
static const char *name_in(const char *path, const char *const *dirs)
{
	for (; *dirs; dirs++) {
		size_t n = strlen(*dirs);

		if (strncmp(path, *dirs, n) == 0 && path[n] == '/' &&
		    image_name_plain(path + n + 1))
			return path + n + 1;
	}
	return NULL;
}

/* The new path of PATH, or NULL with E set. */
static char *moved(const char *path, const char *const *from, const char *to,
		   struct err *e)
{
	const char *name = name_in(path, from);

	if (!name) {
		AUTO(mem_freep) char *q = image_name_quote(path);

		err_set(e, ERR_REFUSED,
			"disk.info: key %s is not in the instance directory",
			q);
		err_hint(e, "it may be left from an earlier move by hand: "
			    "correct the file on the source");
		return NULL;
	}
	return mem_printf("%s/%s", to, name);
}

/* Two keys may become one, where the directory has two names. */
static int put(struct diskinfo *d, char **path, enum image_format format,
	       struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->v[i].path, *path) != 0)
			continue;
		if (d->v[i].format == format)
			return 0;
		return err_set(e, ERR_REFUSED,
			       "disk.info: two formats for one file");
	}
	*next(d) = (struct diskinfo_entry){*path, format};
	*path = NULL;
	return 0;
}

int diskinfo_rewrite(struct diskinfo *d, const char *const *from,
		     const char *to, struct err *e)
{
	struct diskinfo out = {MEM_NEW_N(struct diskinfo_entry, d->n), 0};

	for (size_t i = 0; i < d->n; i++) {
		AUTO(mem_freep) char *path = moved(d->v[i].path, from, to, e);

		if (!path || put(&out, &path, d->v[i].format, e)) {
			diskinfo_clear(&out);
			return -1;
		}
	}
	diskinfo_clear(d);
	*d = out;
	return 0;
}

/* Python's json.dumps(): one line, ", " and ": ", ASCII only. */
char *diskinfo_write(const struct diskinfo *d)
{
	AUTO(json_freep) json_t *root = json_object();
	AUTO(buf_clear) struct buf b = BUF_INIT;
	size_t n;

	for (size_t i = 0; i < d->n; i++)
		json_object_set_new(
			root, d->v[i].path,
			json_string(image_format_name(d->v[i].format)));
	n = json_dumpb(root, NULL, 0, JSON_ENSURE_ASCII);
	b.len += json_dumpb(root, buf_reserve(&b, n + 1), n, JSON_ENSURE_ASCII);
	b.p[b.len] = 0;
	return buf_steal(&b);
}
