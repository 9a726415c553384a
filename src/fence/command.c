/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command: one program that switches the host off, and another that reads back
 * how it stands.  An exit code of 0 is not believed alone: a power-off that was
 * accepted is not one that happened.
 */
#include "fence/fence_priv.h"

#include <strings.h>

/* The whole of what a read-back says.  Nothing is searched for in a longer
 * text: "not off" is not off. */
static const char *const off_words[] = {"off", "power off", "power is off",
					"chassis power is off", "status: off"};
static const char *const on_words[] = {"on", "power on", "power is on",
				       "chassis power is on", "status: on"};

static bool says(const char *line, const char *const *words, size_t n,
		 const char *also)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(line, words[i]))
			return true;
	return also && !strcasecmp(line, also);
}

/* Are there other lines than the first? */
static bool has_more(const struct buf *b)
{
	bool line = false, over = false;

	for (size_t i = 0; i < b->len; i++) {
		char c = b->p[i];

		if (c == '\0' || (over && c != '\n' && c != ' ' && c != '\r'))
			return true;
		if (c != '\n' && c != ' ' && c != '\r')
			line = true;
		over |= line && c == '\n';
	}
	return false;
}

static enum fence_verdict read_back(const struct fence_way *w,
				    struct fence_finding *f, void *arg)
{
	struct fence_call c = {.argv = (const char *const *)w->readback->v};
	AUTO(mem_freep) char *line = NULL;
	enum fence_verdict v = FENCE_UNKNOWN;

	(void)arg;
	fence_call(w, &c);
	line = fence_line(&c.out);
	if (!c.ran) {
		fence_say(f, v, "the read-back: %s", c.why);
	} else if (c.exit_code) {
		fence_say(f, v, "the read-back ended with exit code %d",
			  c.exit_code);
	} else if (has_more(&c.out)) {
		fence_say(f, v, "the read-back said more than one line");
	} else if (says(line, off_words, ARRAY_SIZE(off_words), w->off_word)) {
		v = FENCE_OFF;
		fence_say(f, v, "the read-back said \"%s\"", line);
	} else if (says(line, on_words, ARRAY_SIZE(on_words), w->on_word)) {
		v = FENCE_ALIVE;
		fence_say(f, v, "the read-back said \"%s\"", line);
	} else {
		fence_say(f, v, "the read-back said \"%s\": neither off nor on",
			  line);
	}
	fence_call_clear(&c);
	return v;
}

static bool usable(const struct fence_way *w)
{
	return (w->command && w->command->n) || (w->readback && w->readback->n);
}

/* Did the command do it?  If not, F says why. */
static bool switch_off(const struct fence_way *w, struct fence_finding *f)
{
	struct fence_call c = {.argv = (const char *const *)w->command->v};
	bool ok;

	fence_call(w, &c);
	ok = c.ran && !c.exit_code;
	json_object_set_new(f->what, "exit", json_integer(c.exit_code));
	if (!c.ran)
		fence_say(f, FENCE_UNKNOWN, "the command: %s", c.why);
	else if (!ok)
		fence_say(f, FENCE_UNKNOWN,
			  "the command ended with exit code %d", c.exit_code);
	fence_call_clear(&c);
	return ok;
}

static int take(const struct fence_way *w, struct fence_finding *f,
		struct err *e)
{
	if (!w->readback || !w->readback->n) {
		err_set(e, ERR_USAGE,
			"there is no command to read back with, and an exit "
			"code alone proves nothing");
		return err_hint(e, "set readback in [fence:%s]", w->host);
	}
	if (w->act && (!w->command || !w->command->n)) {
		err_set(e, ERR_USAGE, "there is no command to switch it off");
		return err_hint(e,
				"set command in [fence:%s], or only look: "
				"novahaul fence %s --status",
				w->host, w->host);
	}
	if (!w->act || switch_off(w, f))
		fence_poll(w, f, read_back, NULL);
	return 0;
}

const struct fence_provider fence_command = {
	.name = "command",
	.proves = true,
	.acts = true,
	.usable = usable,
	.take = take,
};
