/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virt.h over a scripted virsh.  The texts were taken from libvirt 9.0.0 and,
 * where marked, from sources of older releases.
 */
#include "unit/virt-script.h"

static const char plain_xml[] =
	"<domain type='qemu'><name>instance-00000001</name><uuid>" U
	"</uuid><devices/></domain>";
#define TPM_XML                                                                \
	"<domain type='qemu'><name>instance-00000001</name><uuid>" U           \
	"</uuid><os><nvram>/var/lib/libvirt/qemu/nvram/"                       \
	"instance-00000001_VARS.fd</nvram></os><devices><tpm><backend "        \
	"type='emulator'/></tpm></devices></domain>"
static const char secret_xml[] = TPM_XML;

static void t_prefix(void **state)
{
	static const char *const kolla[] = {"docker",	    "exec",  "-i",
					    "nova_libvirt", "virsh", NULL};
	static const struct step steps[] = {
		{"docker exec -i nova_libvirt env LC_ALL=C virsh -q list "
		 "--all --uuid",
		 BOTH},
	};
	struct script s = {.v = steps, .n = 1};
	const struct virt_runner r = {.run = play, .self = &s};
	struct virt *v = virt_virsh_new("c", kolla, &r);
	AUTO(strv_clear) struct strv ids = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_uuids(v, &ids, &e), 0);
	assert_int_equal(ids.n, 2);
	done(&s, v, 0);
}

/* In a survey all may be some seconds old, and nothing can be changed; else
 * only what the host says of itself. */
static int note_lasting(void *self, struct virt_cmd *cmd, struct err *e)
{
	bool *lasting = self;

	(void)e;
	assert_false(cmd->mutates);
	*lasting |= cmd->lasting;
	cmd->exit_code = 1;
	return 0;
}

static void t_survey(void **state)
{
	struct virt_status st;
	struct buf xml = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (int survey = 0; survey < 2; survey++) {
		bool lasting = false;
		const struct virt_runner r = {note_lasting, &lasting, survey};
		struct virt *v = virt_virsh_new("c", prefix, &r);

		virt_state(v, U, &st, &e);
		err_clear(&e);
		assert_int_equal(lasting, survey);
		lasting = false;
		virt_capabilities(v, &xml, &e);
		err_clear(&e);
		assert_true(lasting);
		if (survey) {
			assert_int_equal(virt_define(v, U, plain_xml, &e), -1);
			assert_int_equal(e.kind, ERR_BUG);
			err_clear(&e);
		}
		virt_free(v);
	}
	buf_clear(&xml);
}

static void t_states(void **state)
{
	static const struct {
		const char *raw;
		enum virt_state st;
		const char *reason;
	} rows[] = {
		{"1\n  state.reason=1", VIRT_RUNNING, "booted"},
		{"2\n  state.reason=0", VIRT_RUNNING, ""},
		{"3\n  state.reason=1", VIRT_PAUSED, "user"},
		{"3\n  state.reason=5", VIRT_PAUSED, "I/O error"},
		{"4\n  state.reason=1", VIRT_RUNNING, "user"},
		{"5\n  state.reason=0", VIRT_SHUTOFF, ""},
		{"5\n  state.reason=2", VIRT_SHUTOFF, "destroyed"},
		{"5\n  state.reason=77", VIRT_SHUTOFF, "reason 77"},
		{"6\n  state.reason=1", VIRT_OTHER, "panicked"},
		{"7\n  state.reason=0", VIRT_OTHER, ""},
		{"0\n  state.reason=0", VIRT_OTHER, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(mem_freep)
		char *out = mem_printf("Domain: 'x'\n  state.state=%s\n",
				       rows[i].raw);
		const struct step steps[] = {
			{LIST, BOTH},
			{V "domstats --state --raw " U, out},
		};
		struct script s;
		struct virt *v = WITH(s, steps);
		struct virt_status st;
		struct err e = ERR_INIT;

		assert_int_equal(virt_state(v, U, &st, &e), 0);
		assert_int_equal(st.state, rows[i].st);
		assert_string_equal(st.reason, rows[i].reason);
		done(&s, v, 0);
	}
}

static void t_absent(void **state)
{
	static const struct step gone[] = {
		{LIST, BOTH},
		{V "domstats --state --raw " U, NULL,
		 "error: failed to get domain '" U "'\n", 1},
		{LIST, OTHER "\n"},
	};
	static const struct step never[] = {{LIST, "\n"}};
	struct script s;
	struct virt *v = WITH(s, never);
	struct virt_status st;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_state(v, U, &st, &e), 0);
	assert_int_equal(st.state, VIRT_ABSENT);
	done(&s, v, 0);
	v = WITH(s, gone);
	assert_int_equal(virt_state(v, U, &st, &e), 0);
	assert_int_equal(st.state, VIRT_ABSENT);
	done(&s, v, 0);
}

/* An error is never "absent". */
static void t_state_unknown(void **state)
{
	static const struct step rows[][3] = {
		{{LIST, NULL,
		  "error: failed to connect to the hypervisor\nerror: Failed "
		  "to connect socket to '/var/run/libvirt/libvirt-sock'\n",
		  1}},
		{{LIST, NULL, NULL, 0, ERR_LOST}},
		{{LIST, " Id Name State\n"}},
		{{LIST, BOTH},
		 {V "domstats --state --raw " U, "state.state=9\n"},
		 {LIST, BOTH}},
		{{LIST, BOTH},
		 {V "domstats --state --raw " U, "nothing\n"},
		 {LIST, BOTH}},
		{{LIST, BOTH},
		 {V "domstats --state --raw " U, NULL, "error: busy\n", 1},
		 {LIST, BOTH}},
		{{LIST, BOTH},
		 {V "domstats --state --raw " U, NULL, "error: busy\n", 1},
		 {LIST, NULL, "error: busy\n", 1}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = 0;
		struct script s;
		struct virt *v;
		struct virt_status st;
		struct err e = ERR_INIT;

		while (n < 3 && rows[i][n].argv)
			n++;
		v = with(&s, rows[i], n);
		assert_int_equal(virt_state(v, U, &st, &e), -1);
		assert_int_equal(st.state, VIRT_STATE_UNKNOWN);
		assert_int_not_equal(e.kind, ERR_LOST);
		if (i < 2)
			assert_int_equal(e.kind, ERR_RETRY);
		assert_non_null(strstr(err_msg(&e), U));
		assert_non_null(strstr(err_msg(&e), "compute-30"));
		err_clear(&e);
		done(&s, v, 0);
	}
}

/* tools/virsh-domain-monitor.c of libvirt 1.2.2, Ubuntu 14.04's */
static void t_old_virsh(void **state)
{
	static const struct step steps[] = {
		{LIST, BOTH},
		{V "domstats --state --raw " U, NULL,
		 "error: unknown command: 'domstats'\n", 1},
		{V "domstate " U " --reason", "shut off (destroyed)\n\n"},
		{LIST, BOTH},
		{V "domstate " U " --reason", "in shutdown (user)\n"},
		{LIST, BOTH},
		{V "domstate " U " --reason", "ferm\303\251 (x)\n"},
		{LIST, BOTH},
	};
	struct script s;
	struct virt *v = WITH(s, steps);
	struct virt_status st;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_state(v, U, &st, &e), 0);
	assert_int_equal(st.state, VIRT_SHUTOFF);
	assert_string_equal(st.reason, "destroyed");
	assert_int_equal(virt_state(v, U, &st, &e), 0);
	assert_int_equal(st.state, VIRT_RUNNING);
	assert_int_equal(virt_state(v, U, &st, &e), -1);
	err_clear(&e);
	done(&s, v, 0);
}

static void t_flags(void **state)
{
	static const struct step steps[] = {
		{LIST, BOTH},
		{LIST " --persistent", BOTH},
		{LIST " --autostart", U "\n"},
		{LIST " --with-managed-save", OTHER "\n"},
		{LIST " --with-snapshot", ""},
		{LIST " --with-checkpoint", NULL,
		 "error: command 'list' doesn't support option "
		 "--with-checkpoint\n",
		 1},
	};
	struct script s;
	struct virt *v = WITH(s, steps);
	struct virt_flags f;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_flags(v, U, &f, &e), 0);
	assert_true(f.persistent);
	assert_true(f.autostart);
	assert_false(f.managed_save || f.snapshots || f.checkpoints);
	done(&s, v, 0);
}

/* --- several questions in one virsh */

#define STATE V "list --all --uuid; echo +; domstats --state --raw " U
#define NOT_THERE "error: failed to get domain '" U "'\n"

static void t_at_once(void **state)
{
	static const struct step here[] = {{STATE, BOTH
					    "+Domain: 'x'\n  state.state=1\n"
					    "  state.reason=1\n"}};
	static const struct step gone[] = {{STATE, OTHER "\n+", NOT_THERE, 1}};
	/* a domain that bears the uuid of another as its name */
	static const struct step named[] = {
		{STATE, OTHER "\n+Domain: '" U "'\n  state.state=1\n"}};
	/* what did not go smoothly is asked one by one */
	static const struct step late[] = {{STATE, BOTH "+", NOT_THERE, 1},
					   {LIST, OTHER "\n"}};
	static const struct step deaf[] = {
		{STATE, "+", "error: Failed to list domains\n" NOT_THERE, 1},
		{LIST, NULL, "error: Failed to list domains\n", 1}};
	static const struct {
		const struct step *v;
		size_t n;
		enum virt_state st;
	} rows[] = {{here, 1, VIRT_RUNNING},
		    {gone, 1, VIRT_ABSENT},
		    {named, 1, VIRT_ABSENT},
		    {late, 2, VIRT_ABSENT},
		    {deaf, 2, VIRT_STATE_UNKNOWN}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct script s;
		struct virt *v = with(&s, rows[i].v, rows[i].n);
		struct virt_status st;
		struct err e = ERR_INIT;
		int rc = virt_state(v, U, &st, &e);

		assert_int_equal(rc, rows[i].v == deaf ? -1 : 0);
		assert_int_equal(st.state, rows[i].st);
		err_clear(&e);
		done(&s, v, 0);
	}
}

static void t_many_at_once(void **state)
{
	static const struct step steps[] = {
		{V "list --all --uuid; echo +; "
		   "list --all --uuid --persistent; echo +; "
		   "list --all --uuid --autostart; echo +; "
		   "list --all --uuid --with-managed-save; echo +; "
		   "list --all --uuid --with-snapshot; echo +; "
		   "list --all --uuid --with-checkpoint",
		 BOTH "+" BOTH "+\n" U "\n+" OTHER "\n++"},
		{V "list --all --uuid; echo +; dumpxml " U " --inactive",
		 BOTH "+\n<domain>a+b</domain>\n"}};
	struct script s;
	struct virt *v = WITH(s, steps);
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	struct virt_flags f;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_flags(v, U, &f, &e), 0);
	assert_true(f.persistent && f.autostart);
	assert_false(f.managed_save || f.snapshots || f.checkpoints);
	assert_int_equal(virt_dumpxml(v, U, true, &xml, &e), 0);
	assert_string_equal(buf_str(&xml), "<domain>a+b</domain>\n");
	done(&s, v, 0);
}

/* --- undefine */

#define OFF                                                                    \
	{LIST, BOTH},                                                          \
	{                                                                      \
		V "domstats --state --raw " U,                                 \
			"state.state=5\nstate.reason=1\n"                      \
	}
#define FLAGS(save, snap)                                                      \
	{LIST, BOTH}, {LIST " --persistent", BOTH}, {LIST " --autostart", ""}, \
		{LIST " --with-managed-save", save},                           \
		{LIST " --with-snapshot", snap},                               \
	{                                                                      \
		LIST " --with-checkpoint", ""                                  \
	}
#define HELP(text)                                                             \
	{                                                                      \
		V "help undefine", "  undefine <domain> " text "\n"            \
	}
#define XML(x)                                                                 \
	{LIST, BOTH},                                                          \
	{                                                                      \
		V "dumpxml " U " --inactive", x                                \
	}

static int undefine(const struct step *v, size_t n, bool saved, size_t changes,
		    struct err *e)
{
	struct script s;
	struct virt *virt = with(&s, v, n);
	int rc = virt_undefine(virt, U, saved, e);

	done(&s, virt, changes);
	return rc;
}

#define LISTS                                                                  \
	V "list --all --uuid; echo +; "                                        \
	  "list --all --uuid --persistent; echo +; "                           \
	  "list --all --uuid --autostart; echo +; "                            \
	  "list --all --uuid --with-managed-save; echo +; "                    \
	  "list --all --uuid --with-snapshot; echo +; "                        \
	  "list --all --uuid --with-checkpoint"
#define LOOK                                                                   \
	LISTS "; echo +; domstats --state --raw " U "; echo +; dumpxml " U     \
	      " --inactive"
#define STATS                                                                  \
	"Domain: 'instance-00000001'\n  state.state=5\n"                       \
	"  state.reason=2\n\n"

/* One virsh; what does not go smoothly is asked for one by one. */
static void t_look(void **state)
{
	static const struct step steps[] = {
		{LOOK, BOTH "+" BOTH "+\n+" U "\n+\n+" OTHER "\n+\n" STATS
			    "+\n<domain>a+b</domain>\n"},
		/* it is not listed, and goes away between the questions */
		{LOOK, OTHER "\n+\n+\n+\n+\n+\n+\n",
		 "error: failed to get domain", 1},
		{V "list --all --uuid; echo +; domstats --state --raw " U,
		 OTHER "\n+\n", "error: failed to get domain '" U "'\n", 1},
		/* a state that nobody knows */
		{LOOK, BOTH "+\n+\n+\n+\n+\n+\nnonsense+\n<domain/>\n"},
		{V "list --all --uuid; echo +; domstats --state --raw " U,
		 BOTH "+" STATS},
		{LISTS, BOTH "+\n+\n+\n+\n+\n"},
		{V "list --all --uuid; echo +; dumpxml " U " --inactive",
		 BOTH "+\n<domain/>\n"},
	};
	struct script s;
	struct virt *v = WITH(s, steps);
	struct virt_look l;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_look(v, U, &l, &e), 0);
	assert_int_equal(l.st.state, VIRT_SHUTOFF);
	assert_string_equal(l.st.reason, "destroyed");
	assert_true(l.flags.persistent && l.flags.managed_save);
	assert_false(l.flags.autostart || l.flags.snapshots ||
		     l.flags.checkpoints);
	assert_string_equal(buf_str(&l.xml), "<domain>a+b</domain>\n");
	virt_look_clear(&l);
	assert_int_equal(virt_look(v, U, &l, &e), 0);
	assert_int_equal(l.st.state, VIRT_ABSENT);
	assert_int_equal(l.xml.len, 0);
	virt_look_clear(&l);
	assert_int_equal(virt_look(v, U, &l, &e), 0);
	assert_int_equal(l.st.state, VIRT_SHUTOFF);
	assert_false(l.flags.persistent);
	assert_string_equal(buf_str(&l.xml), "<domain/>\n");
	virt_look_clear(&l);
	done(&s, v, 0);
}

static void t_undefine(void **state)
{
	static const struct step now[] = {
		OFF,
		FLAGS("", ""),
		HELP("[--managed-save] [--nvram] [--keep-nvram] [--tpm] "
		     "[--keep-tpm]"),
		XML(secret_xml),
		{V "undefine " U " --keep-nvram --keep-tpm"}};
	static const struct step old[] = {OFF,
					  FLAGS("", ""),
					  HELP("[--managed-save] [--nvram]"),
					  XML(plain_xml),
					  {V "undefine " U}};
	static const struct step moved[] = {OFF,
					    FLAGS("", ""),
					    HELP("[--managed-save] [--nvram]"),
					    {V "undefine " U}};
	static const struct step absent[] = {{LIST, OTHER "\n"}};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(undefine(now, ARRAY_SIZE(now), false, 1, &e), 0);
	assert_int_equal(undefine(old, ARRAY_SIZE(old), false, 1, &e), 0);
	assert_int_equal(undefine(moved, ARRAY_SIZE(moved), true, 1, &e), 0);
	assert_int_equal(undefine(absent, 1, false, 0, &e), 0);
}

#define AT_ONCE                                                                \
	V "list --all --uuid; echo +; "                                        \
	  "list --all --uuid --with-managed-save; echo +; "                    \
	  "list --all --uuid --with-snapshot; echo +; "                        \
	  "list --all --uuid --with-checkpoint; echo +; "                      \
	  "help undefine; echo +; domstats --state --raw " U                   \
	  "; echo +; dumpxml " U " --inactive"
#define SAYS(save, snap, help, st, xml)                                        \
	{                                                                      \
		AT_ONCE, BOTH "+" save "+" snap "++ undefine " help            \
			      "\n+Domain: 'x'\n  state.state=" st              \
			      "\n  state.reason=1\n+\n" xml                    \
	}

/* All that is asked before it, of one virsh. */
static void t_undefine_at_once(void **state)
{
	static const struct step now[] = {
		SAYS("", "", "[--keep-nvram] [--keep-tpm]", "5", TPM_XML),
		{V "undefine " U " --keep-nvram --keep-tpm"}};
	static const struct step erases[] = {
		SAYS("", "", "[--keep-nvram]", "5", TPM_XML)};
	static const struct step moved[] = {
		SAYS("", "", "[--keep-nvram]", "5", TPM_XML),
		{V "undefine " U " --keep-nvram"}};
	static const struct step runs[] = {
		SAYS("", "", "[--keep-nvram] [--keep-tpm]", "1", TPM_XML)};
	static const struct step saved[] = {
		SAYS(U "\n", "", "[--keep-nvram]", "5", TPM_XML)};
	static const struct step snap[] = {
		SAYS("", U "\n", "[--keep-nvram]", "5", TPM_XML)};
	static const struct step gone[] = {
		{AT_ONCE, OTHER "\n++++ undefine\n+",
		 "error: failed to get domain '" U "'\n", 1},
		{LIST, OTHER "\n"}};
	const struct {
		const struct step *v;
		const char *word;
	} rows[] = {{erases, "TPM"},
		    {runs, "running"},
		    {saved, "saved memory"},
		    {snap, "snapshots"}};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(undefine(now, 2, false, 1, &e), 0);
	assert_int_equal(undefine(moved, 2, true, 1, &e), 0);
	assert_int_equal(undefine(gone, 2, false, 0, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(undefine(rows[i].v, 1, false, 0, &e), -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		assert_non_null(strstr(err_msg(&e), rows[i].word));
		err_clear(&e);
	}
}

static void t_undefine_refused(void **state)
{
	static const struct step erases[] = {OFF, FLAGS("", ""),
					     HELP("[--nvram] [--keep-nvram]"),
					     XML(secret_xml)};
	static const struct step running[] = {
		{LIST, BOTH},
		{V "domstats --state --raw " U,
		 "state.state=1\nstate.reason=1\n"}};
	static const struct step paused[] = {
		{LIST, BOTH},
		{V "domstats --state --raw " U,
		 "state.state=3\nstate.reason=1\n"}};
	static const struct step saved[] = {OFF, FLAGS(U "\n", "")};
	static const struct step snap[] = {OFF, FLAGS("", U "\n")};
	const struct {
		const struct step *v;
		size_t n;
		const char *word;
	} rows[] = {{erases, ARRAY_SIZE(erases), "TPM"},
		    {running, 2, "running"},
		    {paused, 2, "paused"},
		    {saved, ARRAY_SIZE(saved), "saved memory"},
		    {snap, ARRAY_SIZE(snap), "snapshots"}};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(undefine(rows[i].v, rows[i].n, false, 0, &e),
				 -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		assert_non_null(strstr(err_msg(&e), rows[i].word));
		err_clear(&e);
	}
}

/* --- outcomes of what changes something */

static void t_outcomes(void **state)
{
	static const struct {
		struct step start;
		enum err_kind kind;
	} rows[] = {
		{{V "start " U, NULL,
		  "error: Failed to start domain 'x'\nerror: internal error: "
		  "qemu exited\n",
		  1},
		 ERR_FAILED},
		{{V "start " U, NULL, "error: Domain is already active\n", 1},
		 ERR_FAILED},
		{{V "start " U, NULL,
		  "error: failed to connect to the hypervisor\nerror: End of "
		  "file while reading data: Input/output error\n",
		  1},
		 ERR_RETRY},
		{{V "start " U, NULL,
		  "error: Failed to start domain 'x'\nerror: End of file while "
		  "reading data: Input/output error\n",
		  1},
		 ERR_LOST},
		{{V "start " U, NULL,
		  "error: Cannot recv data: Connection reset by peer\n", 1},
		 ERR_LOST},
		{{V "start " U, NULL,
		  "error: Timed out during operation: cannot acquire state "
		  "change lock (held by x)\n",
		  1},
		 ERR_RETRY},
		{{V "start " U, NULL, "", 137}, ERR_LOST},
		{{V "start " U, NULL, NULL, 0, ERR_LOST}, ERR_LOST},
		{{V "start " U, NULL, NULL, 0, ERR_STALE}, ERR_STALE},
		{{V "start " U, NULL, NULL, 0, ERR_RETRY}, ERR_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct step steps[] = {
			{LIST, BOTH},
			{LIST " --with-managed-save", ""},
			rows[i].start,
		};
		struct script s;
		struct virt *v = WITH(s, steps);
		struct err e = ERR_INIT;

		assert_int_equal(virt_start(v, U, &e), -1);
		if (e.kind != rows[i].kind)
			fail_msg("row %zu: %s", i, err_kind_name(e.kind));
		assert_non_null(strstr(err_msg(&e), "starting it"));
		assert_non_null(strstr(err_msg(&e), "compute-30"));
		err_clear(&e);
		done(&s, v, 1);
	}
}

static void t_not_there(void **state)
{
	static const struct step steps[] = {
		{LIST, OTHER "\n"},
		{LIST, OTHER "\n"},
		{LIST, BOTH},
		{LIST " --with-managed-save", U "\n"},
	};
	struct script s;
	struct virt *v = WITH(s, steps);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_destroy(v, U, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_int_equal(virt_autostart(v, U, false, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_int_equal(virt_start(v, U, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED); /* saved memory */
	assert_int_equal(virt_destroy(v, "--all", &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	done(&s, v, 0);
}

static void t_define(void **state)
{
	static const struct step steps[] = {
		{V "define /dev/stdin", NULL, NULL, 0, ERR_NONE, plain_xml}};
	struct script s;
	struct virt *v = WITH(s, steps);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_define(v, U, plain_xml, &e), 0);
	assert_int_equal(virt_define(v, OTHER, plain_xml, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	done(&s, v, 1);
}

static void t_host(void **state)
{
	static const struct step steps[] = {
		{V "version --daemon",
		 "Compiled against library: libvirt 9.0.0\n"
		 "Using library: libvirt 9.0.0\nUsing API: QEMU 9.0.0\n"
		 "Running hypervisor: QEMU 7.2.22\n"
		 "Running against daemon: 9.0.0\n"},
		{V "domcapabilities --virttype qemu --arch x86_64 --machine "
		   "q35",
		 "<domainCapabilities/>"},
		{V "secret-dumpxml " U, NULL,
		 "error: failed to get secret '" U
		 "'\nerror: Secret not found: no secret with matching uuid '" U
		 "'\n",
		 1},
		{V "secret-dumpxml " U, "<secret><uuid>" U "</uuid></secret>"},
		{V "secret-dumpxml " U, NULL, "error: something else\n", 1},
		{V "list --all --name", "a\ninstance-00000001\n\n"},
		{V "domuuid --domain instance-00000001", U "\n"},
		{V "list --all --name", "a\n"},
	};
	static const struct virt_domcaps ask = {
		.virttype = "qemu", .arch = "x86_64", .machine = "q35"};
	struct script s;
	struct virt *v = WITH(s, steps);
	struct virt_version ver;
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	bool has = true;
	char id[UUID_LEN + 1];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(virt_version(v, &ver, &e), 0);
	assert_int_equal(ver.libvirt, 9000000);
	assert_int_equal(ver.hypervisor, 7002022);
	assert_int_equal(virt_domcapabilities(v, &ask, &xml, &e), 0);
	assert_int_equal(virt_secret_has(v, U, &has, &e), 0);
	assert_false(has);
	assert_int_equal(virt_secret_has(v, U, &has, &e), 0);
	assert_true(has);
	assert_int_equal(virt_secret_has(v, U, &has, &e), -1);
	assert_int_equal(virt_name_uuid(v, "instance-00000001", id, &e), 0);
	assert_string_equal(id, U);
	assert_int_equal(virt_name_uuid(v, "instance-00000002", id, &e), 0);
	assert_string_equal(id, "");
	assert_int_equal(virt_name_uuid(v, "12", id, &e), -1);
	err_clear(&e);
	done(&s, v, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_prefix),
		cmocka_unit_test(t_survey),
		cmocka_unit_test(t_states),
		cmocka_unit_test(t_absent),
		cmocka_unit_test(t_state_unknown),
		cmocka_unit_test(t_old_virsh),
		cmocka_unit_test(t_flags),
		cmocka_unit_test(t_at_once),
		cmocka_unit_test(t_many_at_once),
		cmocka_unit_test(t_look),
		cmocka_unit_test(t_undefine),
		cmocka_unit_test(t_undefine_at_once),
		cmocka_unit_test(t_undefine_refused),
		cmocka_unit_test(t_outcomes),
		cmocka_unit_test(t_not_there),
		cmocka_unit_test(t_define),
		cmocka_unit_test(t_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
