/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "engine/step.h"
#include "steps/world.h"

/*
 * A newcomer adds a step: a file with a const struct step, a line here, its
 * place in steps_of_move(), its file in Makefile.am.
 */
extern const struct step step_claim, step_stage_base, step_precopy, step_stop,
	step_prove_stopped, step_disarm, step_final_copy, step_install,
	step_verify_full, step_verify_deep, step_volumes, step_allocations,
	step_rewrite, step_ports, step_volumes_in, step_define, step_start,
	step_verify, step_release, step_detach, step_attach, step_fence,
	step_row_off, step_force_down, step_evacuate;

const struct step *const steps_table[] = {
	&step_claim,	     &step_fence,
	&step_stage_base,    &step_precopy,
	&step_stop,	     &step_detach,
	&step_prove_stopped, &step_disarm,
	&step_final_copy,    &step_install,
	&step_verify_full,   &step_verify_deep,
	&step_force_down,    &step_evacuate,
	&step_volumes,	     &step_allocations,
	&step_row_off,	     &step_rewrite,
	&step_ports,	     &step_volumes_in,
	&step_define,	     &step_start,
	&step_attach,	     &step_verify,
	&step_release,	     NULL,
};

const struct step *steps_find(const char *name)
{
	for (size_t i = 0; steps_table[i]; i++)
		if (!strcmp(steps_table[i]->name, name))
			return steps_table[i];
	return NULL;
}

/* What Nova's evacuate does itself. */
static bool by_nova(const struct step *s)
{
	return s == &step_volumes || s == &step_allocations ||
	       s == &step_row_off || s == &step_rewrite || s == &step_ports ||
	       s == &step_volumes_in || s == &step_define || s == &step_start;
}

/* Those that change the source; and those that only a dead one needs. */
static bool fits(const struct move *m, const struct step *s)
{
	if (s == &step_force_down || s == &step_evacuate)
		return m->adopt;
	if (m->adopt && by_nova(s))
		return false;
	if (s == &step_precopy || s == &step_stop || s == &step_detach ||
	    s == &step_prove_stopped || s == &step_disarm || s == &step_attach)
		return !m->dead;
	if (s == &step_fence)
		return m->dead;
	if (s == &step_row_off)
		return m->dead && strcmp(m->vm_state, "stopped") != 0;
	return true;
}

static bool needed(const struct move *m, const struct step *s)
{
	if (!fits(m, s))
		return false;
	if (s == &step_precopy)
		return m->precopy && m->was_running;
	if (s == &step_stage_base)
		return m->nbases > 0;
	if (s == &step_verify_full)
		return m->verify_full;
	if (s == &step_verify_deep)
		return m->verify_deep;
	if (s == &step_allocations)
		return m->placement;
	if (s == &step_ports)
		return m->neutron && m->nports > 0;
	if (s == &step_volumes || s == &step_volumes_in)
		return m->nvolumes > 0;
	if (s == &step_detach || s == &step_attach)
		return m->ndetached > 0;
	if (s == &step_define)
		return m->domain_xml && !m->nova_start;
	if (s == &step_start)
		return m->start;
	return true;
}

/* The safe order is the table's. */
size_t steps_of_move(const struct move *m, const char *names[STEPS_MOVE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; steps_table[i] && n + 1 < STEPS_MOVE_MAX; i++)
		if (needed(m, steps_table[i]))
			names[n++] = steps_table[i]->name;
	names[n] = NULL;
	return n;
}
