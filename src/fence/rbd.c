/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rbd: who watches the images of the host's guests.  QEMU watches what it has
 * open.  No watcher is nothing: a client that is cut off loses its watch within
 * half a minute, and comes back with its writes.
 */
#include "fence/fence_priv.h"

#include <string.h>

/* Watchers of one image; -1: not known, and F says why. */
static long watchers(const struct fence_way *w, const char *image,
		     struct fence_finding *f, json_t *seen)
{
	static const char *const args[] = {"status", "--format", "json", "--",
					   NULL};
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	struct fence_call c = {0};
	json_t *doc = NULL, *list = NULL;
	const json_t *v;
	size_t i;
	long n = -1;

	if (w->rbd_command && w->rbd_command->n)
		strv_addv(&argv, (const char *const *)w->rbd_command->v);
	else
		strv_add(&argv, "rbd");
	strv_addv(&argv, args);
	strv_add(&argv, image);
	c.argv = (const char *const *)argv.v;
	fence_call(w, &c);
	if (c.ran && !c.exit_code)
		doc = json_loadb(buf_str(&c.out), c.out.len, 0, NULL);
	list = json_object_get(doc, "watchers");
	if (!c.ran)
		fence_say(f, FENCE_UNKNOWN, "image %s: %s", image, c.why);
	else if (c.exit_code)
		fence_say(f, FENCE_UNKNOWN,
			  "image %s: rbd ended with exit code %d", image,
			  c.exit_code);
	else if (!json_is_array(list) && !json_is_object(list))
		fence_say(f, FENCE_UNKNOWN,
			  "image %s: rbd said nothing that is known", image);
	else
		n = (long)(json_is_array(list) ? json_array_size(list)
					       : json_object_size(list));
	json_array_foreach (list, i, v) {
		const char *at =
			json_string_value(json_object_get(v, "address"));

		json_array_append_new(seen, json_string(at ? at : "?"));
	}
	json_decref(doc);
	fence_call_clear(&c);
	return n;
}

static bool usable(const struct fence_way *w)
{
	return w->rbd && w->rbd->n;
}

static int take(const struct fence_way *w, struct fence_finding *f,
		struct err *e)
{
	json_t *seen = json_array();

	for (size_t i = 0; i < w->rbd->n; i++)
		if (*w->rbd->v[i] == '-' || !*w->rbd->v[i]) {
			json_decref(seen);
			return err_set(e, ERR_USAGE, "%s: not an image",
				       w->rbd->v[i]);
		}
	json_object_set_new(f->what, "watchers", seen);
	fence_say(f, FENCE_UNKNOWN,
		  "no image is watched, which proves nothing");
	for (size_t i = 0; i < w->rbd->n; i++) {
		AUTO(mem_freep) char *image = fence_word(w, w->rbd->v[i]);

		if (watchers(w, image, f, seen) > 0) {
			fence_say(f, FENCE_ALIVE, "image %s is watched", image);
			return 0;
		}
	}
	return 0;
}

const struct fence_provider fence_rbd = {
	.name = "rbd",
	.usable = usable,
	.take = take,
};
