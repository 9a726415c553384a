/* SPDX-License-Identifier: Apache-2.0 */
/* A runbook and a file of variables, with a NUL byte between them.  What is
 * accepted is complete, bounded, and reads back from the journal's form; what
 * is refused names its place and leaves nothing behind. */
#include "fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>

#include "runbook/runbook.h"

static void accepted(const struct runbook *rb)
{
	struct runbook again;
	struct err e = ERR_INIT;
	json_t *j = runbook_json(rb), *k;

	FUZZ_ASSERT(j && rb->n && rb->n <= RUNBOOK_STEPS_MAX);
	for (size_t i = 0; i < rb->n; i++)
		FUZZ_ASSERT(rb->steps[i].name && rb->steps[i].args &&
			    (int)rb->steps[i].type < RUNBOOK_TYPES &&
			    runbook_step(rb, rb->steps[i].name) ==
				    &rb->steps[i]);
	FUZZ_ASSERT(!runbook_from_json(j, &again, &e));
	k = runbook_json(&again);
	FUZZ_ASSERT(json_equal(j, k));
	json_decref(k);
	json_decref(j);
	runbook_clear(&again);
}

/* "b:LINE:COLUMN: ..." */
static void refused(const struct err *e)
{
	const char *p = err_msg(e);

	FUZZ_ASSERT(e->kind == ERR_USAGE);
	FUZZ_ASSERT((p[0] == 'b' || p[0] == 'v') && p[1] == ':' &&
		    isdigit((unsigned char)p[2]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
	size_t first = cut ? (size_t)(cut - data) : size;
	struct runbook_input in = {
		.book = {"b", text, first},
		.vars = {"v", cut ? text + first + 1 : NULL,
			 cut ? size - first - 1 : 0},
	};
	struct err e = ERR_INIT;
	struct runbook rb;

	if (!runbook_parse(&in, &rb, &e)) {
		accepted(&rb);
	} else {
		refused(&e);
		FUZZ_ASSERT(!rb.n && !rb.steps && !rb.name);
	}
	runbook_clear(&rb);
	err_clear(&e);
	return 0;
}

#define SEED(text)                                                             \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const struct {
		const char *p;
		size_t n;
	} seeds[] = {
		SEED("version: 1\nname: n\nvariables:\n"
		     "  host: {type: host, required: yes}\n"
		     "  all: {type: hosts, default: [a, b]}\n"
		     "steps:\n- for-each: ${all}\n  as: h\n  steps:\n"
		     "  - {name: d, type: evacuate, host: '${h}', to: "
		     "['${all}', c]}\n  - {name: r, type: return, of: d}\n"
		     "- name: x\n  type: hook\n  command: [a, '${host}$${']\n"
		     "\0host: c\n"),
		SEED("version: 1\nname: n\nprofiles:\n- virsh: [a, b]\n"
		     "  path-map: [/a=/b]\nsteps:\n"
		     "- {name: w, type: wait, for: command, command: [x], "
		     "timeout: 5m, on-failure: continue}\n"
		     "- {name: a, type: approve, ask: q, word: w}\n"
		     "- {name: p, type: report, file: /r.json, when: no}\n"),
		SEED("version: 1\nname: n\nsteps:\n- name: d\n"
		     "  type: disable-service\n  host: h\n  reason: >-\n"
		     "    a\n    \"b\"\n"),
		SEED("a: &a [*a]\n"),
		SEED("{\"version\": 1, \"name\": \"n\", \"steps\": [{\"name\": "
		     "\"c\", \"type\": \"check\", \"servers\": [\"s\"], "
		     "\"to\": \"h\\u0041\"}]}"),
	};

	if (k >= sizeof(seeds) / sizeof(seeds[0]) || seeds[k].n > cap)
		return 0;
	memcpy(buf, seeds[k].p, seeds[k].n);
	return seeds[k].n;
}
