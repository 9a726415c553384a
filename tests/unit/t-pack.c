/* SPDX-License-Identifier: Apache-2.0 */
/* Packing: every constraint alone, both ways, from literal structs. */
#include "unit/pack-lab.h"

#include "pack/pack_priv.h"

/* ---- one server, one host: does it go there, and if not, why? */

static uint32_t why_not(const struct pack_in *in)
{
	struct pack_out *out = lab_run(in);
	uint32_t why = 0;

	if (out->n_no) {
		assert_int_equal(out->host[0], PACK_NOWHERE);
		assert_int_equal(out->no[0].server, 0);
		assert_true(out->no[0].alone);
		assert_true(out->proved);
		assert_int_equal(out->no[0].n, 1);
		assert_int_equal(out->no[0].v[0].hosts, 1);
		why = out->no[0].v[0].why;
	} else {
		assert_int_equal(out->host[0], 0);
		assert_int_equal(out->placed, 1);
		assert_false(out->proved);
	}
	pack_free(out);
	return why;
}

static uint32_t one(const struct pack_host *h, const struct pack_server *s)
{
	struct pack_in in = lab_in(h, 1, s, 1);
	int32_t host = 0;
	uint32_t why = why_not(&in);
	struct pack_out *out = lab_check(&in, &host);

	/* Asked for by hand, the same. */
	assert_int_equal(out->n_no != 0, why != 0);
	if (why) {
		assert_int_equal(out->no[0].v[0].why, why);
		assert_true(out->no[0].alone);
	}
	pack_free(out);
	return why;
}

#define FITS(h, s) assert_int_equal(one(&(h), &(s)), 0)
#define REFUSED(h, s, because)                                                 \
	assert_int_equal(one(&(h), &(s)), PACK_BIT(because))

static void test_plain(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");

	(void)state;
	FITS(h, s);
	s.source = NULL;
	FITS(h, s);
	s.source = "a";
	REFUSED(h, s, PACK_SOURCE);
}

static void test_host(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");

	(void)state;
	h.up = false;
	REFUSED(h, s, PACK_DOWN);
	h.up = true;
	h.enabled = false;
	REFUSED(h, s, PACK_DISABLED);
	h.up = false;
	assert_int_equal(one(&h, &s),
			 PACK_BIT(PACK_DOWN) | PACK_BIT(PACK_DISABLED));
	h = lab_host("a");
	h.why_not = "its agent does not answer";
	REFUSED(h, s, PACK_REFUSED);
}

static void test_targets(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");

	(void)state;
	s.only = NAMES("b", "a");
	FITS(h, s);
	s.only = NAMES("b", "c");
	REFUSED(h, s, PACK_NOT_ASKED);
	s.only = (struct strv)STRV_INIT;
	s.avoid = NAMES("b");
	FITS(h, s);
	s.avoid = NAMES("b", "a");
	REFUSED(h, s, PACK_AVOIDED);
}

static void test_words(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");

	(void)state;
	s.zone = "nova";
	s.arch = "x86_64";
	s.config_drive = "iso9660";
	s.images_type = "qcow2";
	s.hypervisor = 7002000;
	FITS(h, s);
	h.zone = "az2";
	REFUSED(h, s, PACK_ZONE);
	h = lab_host("a");
	h.arch = "aarch64";
	REFUSED(h, s, PACK_ARCH);
	h.arch = NULL;
	REFUSED(h, s, PACK_ARCH);
	h = lab_host("a");
	h.config_drive = "vfat";
	REFUSED(h, s, PACK_CONFIG_DRIVE);
	s.config_drive = NULL;
	FITS(h, s);
	h = lab_host("a");
	h.images_type = "raw";
	REFUSED(h, s, PACK_IMAGES_TYPE);
	h = lab_host("a");
	h.hypervisor--;
	REFUSED(h, s, PACK_HYPERVISOR);
}

static void test_hardware(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");

	(void)state;
	s.cpu = "Haswell";
	s.flags = NAMES("avx", "avx2");
	s.machine = "pc-q35-7.2";
	s.traits = NAMES("COMPUTE_TPM");
	s.traits_not = NAMES("CUSTOM_SLOW");
	h.cpus = NAMES("Nehalem", "Haswell");
	h.flags = NAMES("sse", "avx2", "avx");
	h.machines = NAMES("pc-q35-7.2", "pc-i440fx-7.2");
	h.traits = NAMES("COMPUTE_TPM", "HW_CPU_X86_AVX");
	FITS(h, s);
	h.cpus = NAMES("Nehalem");
	REFUSED(h, s, PACK_CPU);
	h.cpus = NAMES("Haswell");
	h.flags = NAMES("avx");
	REFUSED(h, s, PACK_FLAGS);
	h.flags = NAMES("avx", "avx2");
	h.machines = NAMES("pc-q35-6.2");
	REFUSED(h, s, PACK_MACHINE);
	h.machines = NAMES("pc-q35-7.2");
	h.traits = NAMES("COMPUTE_TPM", "CUSTOM_SLOW");
	REFUSED(h, s, PACK_TRAITS);
	h.traits = (struct strv)STRV_INIT;
	REFUSED(h, s, PACK_TRAITS);
}

static void test_aggregates(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");
	const struct pack_meta has[] = {
		{"ssd", "false"}, {"ssd", "true"}, {"ram", "8"}};
	const struct pack_meta good[] = {{"ssd", "true"}, {"ram", ">= 8"}};
	const struct pack_meta bad[] = {{"ssd", "true"}, {"ram", "> 8"}};
	const struct pack_meta gone[] = {{"gpu", "<or> 1 <or> 2"}};

	(void)state;
	h.meta = has;
	h.n_meta = ARRAY_SIZE(has);
	s.wants = good;
	s.n_wants = ARRAY_SIZE(good);
	FITS(h, s);
	s.wants = bad;
	REFUSED(h, s, PACK_AGGREGATE);
	s.wants = gone;
	s.n_wants = 1;
	REFUSED(h, s, PACK_AGGREGATE);
	s.n_wants = 0;
	h.tenants = NAMES("p1", "p2");
	FITS(h, s);
	s.project = "p2";
	FITS(h, s);
	s.project = "p3";
	REFUSED(h, s, PACK_TENANTS);
	h.tenants = (struct strv)STRV_INIT;
	FITS(h, s);
}

static void test_operators(void **state)
{
	static const struct {
		const char *value, *want;
		bool yes;
	} v[] = {
		{"true", "true", true},
		{"true", "True", false},
		{"", "", true},
		{"2", "= 1", true},
		{"1", "= 2", false},
		{"2", "== 2.0", true},
		{"2", "!= 2", false},
		{"3", "!= 2", true},
		{"10", ">= 9", true},
		{"10", "<= 9", false},
		{"10", "s>= 9", false},
		{"abc", "s== abc", true},
		{"abc", "s!= abc", false},
		{"abc", "s< abd", true},
		{"abc", "s> abd", false},
		{"abd", "s<= abd", true},
		{"x", "== 1", false},
		{"1", "==", false},
		{"b", "<or> a <or> b", true},
		{"c", "<or> a <or> b", false},
		{"<or>", "<or> a <or> b", false},
		{"abcd", "<in> bc", true},
		{"abcd", "<in> cb", false},
		{"abcd", "<in>", false},
		{"['a', 'b']", "<all-in> b a", true},
		{"['a', 'b']", "<all-in> a c", false},
		{"> 8", "> 8", true}, /* no operator of Nova's */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (pack_spec_match(v[i].value, v[i].want) != v[i].yes)
			fail_msg("'%s' against '%s'", v[i].value, v[i].want);
}

/* ---- room */

static void test_ratio(void **state)
{
	struct pack_inv v = {.total = 10, .reserved = 3, .ratio = 1500000};

	(void)state;
	assert_int_equal(pack_capacity(&v), 10); /* 10.5 */
	v.ratio = 0;
	assert_int_equal(pack_capacity(&v), 7);
	v.reserved = 11;
	assert_int_equal(pack_capacity(&v), 0);
	v = (struct pack_inv){.total = UINT64_MAX, .ratio = UINT64_MAX};
	assert_int_equal(pack_capacity(&v), UINT64_MAX);
	assert_int_equal(pack_ratio(16.0), 16000000);
	assert_int_equal(pack_ratio(1.1f), 1100000);
	assert_int_equal(pack_ratio(0.0), PACK_RATIO_ONE);
	assert_int_equal(pack_ratio(-1.0), PACK_RATIO_ONE);
	assert_int_equal(pack_ratio(strtod("nan", NULL)), PACK_RATIO_ONE);
	assert_int_equal(pack_ratio(strtod("inf", NULL)), PACK_RATIO_ONE);
	assert_int_equal(pack_ratio(1e300), UINT64_C(1000000000000000000));
}

static void test_room(void **state)
{
	static const enum pack_why why[] = {PACK_NO_VCPU, PACK_NO_RAM,
					    PACK_NO_DISK};

	(void)state;
	for (size_t d = 0; d < N_PACK_RES; d++) {
		struct pack_host h = lab_host("a");
		struct pack_server s = lab_server("1");

		/* (100 - 10) * 1.5 - 125 = 10 */
		h.inv[d] = (struct pack_inv){.total = 100,
					     .reserved = 10,
					     .ratio = 1500000,
					     .used = 125};
		s.need[d] = 10;
		FITS(h, s);
		s.need[d] = 11;
		REFUSED(h, s, why[d]);
		h.inv[d].used = 0;
		h.inv[d].max_unit = 11;
		FITS(h, s);
		h.inv[d].max_unit = 10;
		REFUSED(h, s, PACK_MAX_UNIT);
		/* A host that is over takes what needs nothing of it. */
		h.inv[d].used = 1000;
		s.need[d] = 0;
		FITS(h, s);
	}
}

static void test_limits(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s[] = {lab_server("1"), lab_server("2")};
	struct pack_in in = lab_in(&h, 1, s, 2);
	struct pack_out *out;

	(void)state;
	h.max_instances = 5;
	h.instances = 4;
	FITS(h, s[0]);
	h.instances = 5;
	REFUSED(h, s[0], PACK_MAX_INSTANCES);
	h.instances = 7;
	REFUSED(h, s[0], PACK_MAX_INSTANCES);
	h.max_instances = 0;
	FITS(h, s[0]);
	h.max_new = 1;
	FITS(h, s[0]);
	out = lab_run(&in);
	assert_int_equal(out->placed, 1);
	assert_int_equal(out->n_no, 1);
	assert_int_equal(out->no[0].server, 1);
	assert_false(out->no[0].alone);
	assert_true(out->proved);
	assert_int_equal(out->no[0].v[0].why, PACK_BIT(PACK_MAX_NEW));
	assert_int_equal(out->no[0].v[0].lack_slots, 1);
	pack_free(out);
}

static void test_bytes(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");

	(void)state;
	h.free_bytes = 1000;
	h.keep_bytes = 100;
	s.bytes = 900;
	FITS(h, s);
	s.bytes = 901;
	REFUSED(h, s, PACK_NO_BYTES);
	h.keep_bytes = 2000;
	REFUSED(h, s, PACK_NO_BYTES);
	/* Volumes only: nothing to copy, whatever is free. */
	s.bytes = 0;
	FITS(h, s);
	h.free_bytes = PACK_BYTES_UNKNOWN;
	s.bytes = 1 << 20;
	FITS(h, s);
}

/* One image for many servers is copied once, and one that is there never. */
static void test_bases(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	const struct pack_base bases[] = {{"img1", 500}, {"img2", 300}};
	struct pack_in in = lab_in(&h, 1, s, 3);
	struct pack_out *out;

	(void)state;
	in.bases = bases;
	in.n_bases = 2;
	s[0].bytes = s[1].bytes = s[2].bytes = 10;
	s[0].bases = s[1].bases = NAMES("img1");
	s[2].bases = NAMES("img1", "img2", "img1");
	h.free_bytes = 830;
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	assert_int_equal(out->bytes, 830);
	assert_int_equal(out->load[0].bytes, 830);
	assert_int_equal(out->n_copies, 2);
	assert_int_equal(out->copies[0].base, 0);
	assert_int_equal(out->copies[0].servers, 3);
	assert_int_equal(out->copies[1].base, 1);
	assert_int_equal(out->copies[1].servers, 1);
	pack_free(out);
	h.free_bytes = 829;
	out = lab_run(&in);
	assert_int_equal(out->placed, 2);
	assert_int_equal(out->host[2], PACK_NOWHERE);
	assert_int_equal(out->no[0].v[0].why, PACK_BIT(PACK_NO_BYTES));
	assert_int_equal(out->no[0].v[0].lack_bytes, 1);
	pack_free(out);
	h.bases = NAMES("img1", "other");
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	assert_int_equal(out->bytes, 330);
	assert_int_equal(out->n_copies, 1);
	pack_free(out);
}

/* ---- groups */

static const struct pack_there on_a[] = {{"a", 1}, {"elsewhere", 4}};

static void test_anti_affinity(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_group g = {.id = "g", .rule = PACK_ANTI_AFFINITY};
	struct pack_in in = lab_in(h, 2, s, 3);
	struct pack_out *out;

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	s[0].group = s[1].group = s[2].group = "g";
	out = lab_run(&in);
	assert_int_equal(out->placed, 2);
	assert_int_not_equal(out->host[0], out->host[1]);
	assert_int_equal(out->n_no, 1);
	assert_int_equal(out->no[0].server, 2);
	assert_false(out->no[0].alone);
	assert_int_equal(out->no[0].v[0].hosts, 2);
	assert_int_equal(out->no[0].v[0].why, PACK_BIT(PACK_GROUP_APART));
	pack_free(out);
	g.max_per_host = 2;
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	pack_free(out);
	/* A member that is not in the set. */
	g.there = on_a;
	g.n_there = 2;
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	assert_int_equal(out->load[0].servers, 1);
	pack_free(out);
	/* One that is, and has not left yet. */
	s[0].source = "b";
	out = lab_run(&in);
	assert_int_equal(out->placed, 2);
	assert_int_equal(out->load[0].servers, 1);
	assert_int_equal(out->load[1].servers, 1);
	pack_free(out);
}

static void test_affinity(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b"), lab_host("c")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3"), lab_server("4")};
	struct pack_group g = {.id = "g", .rule = PACK_AFFINITY};
	struct pack_in in = lab_in(h, 3, s, 4);
	struct pack_out *out;

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	for (size_t i = 0; i < 3; i++) {
		s[i].group = "g";
		s[i].need[PACK_RAM_MB] = 30 * GB;
	}
	s[3].only = NAMES("c");
	h[0].inv[PACK_RAM_MB].total = 89 * GB;
	h[1].inv[PACK_RAM_MB].total = 90 * GB;
	h[2].inv[PACK_RAM_MB].total = 60 * GB;
	out = lab_run(&in);
	assert_int_equal(out->placed, 4);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(out->host[i], 1);
	pack_free(out);
	/* Not the whole, so not a part. */
	h[1].inv[PACK_RAM_MB].total--;
	out = lab_run(&in);
	assert_int_equal(out->placed, 1);
	assert_int_equal(out->n_no, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(out->no[i].server, i);
		assert_true(out->no[i].alone);
		assert_int_equal(out->no[i].n, 1);
		assert_int_equal(out->no[i].v[0].hosts, 3);
		assert_int_equal(out->no[i].v[0].host, 1);
		assert_int_equal(out->no[i].v[0].lack[PACK_RAM_MB], 1);
	}
	pack_free(out);
	/* The rest of the group is on a. */
	g.there = on_a;
	g.n_there = 2;
	h[0] = lab_host("a");
	h[1] = lab_host("b");
	h[2] = lab_host("c");
	out = lab_run(&in);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(out->host[i], 0);
	pack_free(out);
	h[0].enabled = false;
	out = lab_run(&in);
	assert_int_equal(out->n_no, 3);
	assert_int_equal(out->no[0].n, 2);
	assert_int_equal(out->no[0].v[0].why, PACK_BIT(PACK_DISABLED));
	assert_int_equal(out->no[0].v[1].hosts, 2);
	pack_free(out);
}

/* A member that stays holds the others: its host is their source. */
static void test_affinity_stays(void **state)
{
	static const struct pack_there old[] = {{"old", 1}};
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");
	struct pack_group g = {
		.id = "g", .rule = PACK_AFFINITY, .there = old, .n_there = 1};
	struct pack_in in = lab_in(&h, 1, &s, 1);

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	s.group = "g";
	assert_int_equal(why_not(&in), PACK_BIT(PACK_GROUP_TOGETHER));
	g.rule = PACK_SOFT_AFFINITY;
	assert_int_equal(why_not(&in), 0);
}

static void test_soft(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b"), lab_host("c")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_group g = {.id = "g", .rule = PACK_SOFT_AFFINITY};
	struct pack_in in = lab_in(h, 3, s, 3);
	struct pack_out *out;

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	s[0].group = s[1].group = s[2].group = "g";
	h[0].max_new = 2;
	g.there = on_a;
	g.n_there = 2;
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	assert_int_equal(out->load[0].servers, 2);
	pack_free(out);
	g.rule = PACK_SOFT_ANTI_AFFINITY;
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(out->load[i].servers, 1);
	assert_int_equal(out->host[2], 0);
	pack_free(out);
}

/* ---- policies, priorities */

static void test_policies(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b"), lab_host("c")};
	struct pack_server s[] = {lab_server("1"), lab_server("2")};
	const struct pack_base base = {"img", 1 << 30};
	struct pack_in in = lab_in(h, 3, s, 2);
	struct pack_out *out;

	(void)state;
	h[0].inv[PACK_RAM_MB].used = 50 * GB;
	h[1].inv[PACK_RAM_MB].used = 60 * GB;
	h[1].bases = NAMES("img");
	h[2].inv[PACK_RAM_MB].used = 70 * GB;
	in.bases = &base;
	in.n_bases = 1;
	s[0].bases = s[1].bases = NAMES("img");
	s[0].need[PACK_RAM_MB] = s[1].need[PACK_RAM_MB] = 12 * GB;
	out = lab_run(&in);
	assert_int_equal(out->host[0], 0);
	assert_int_equal(out->host[1], 1);
	assert_int_equal(out->load[0].used[PACK_RAM_MB], 62 * GB);
	pack_free(out);
	in.policy = PACK_FILL;
	out = lab_run(&in);
	assert_int_equal(out->host[0], 2);
	assert_int_equal(out->host[1], 2);
	assert_int_equal(out->n_copies, 1);
	pack_free(out);
	in.policy = PACK_FEWEST_BYTES;
	out = lab_run(&in);
	assert_int_equal(out->host[0], 1);
	assert_int_equal(out->host[1], 1);
	assert_int_equal(out->n_copies, 0);
	pack_free(out);
}

static void test_names(void **state)
{
	enum pack_policy p = PACK_SPREAD;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < N_PACK_POLICIES; i++) {
		assert_int_equal(
			pack_policy_by_name(pack_policy_name(i), &p, &e), 0);
		assert_int_equal(p, i);
	}
	assert_int_equal(pack_policy_by_name("tight", &p, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
	for (int i = PACK_AFFINITY; i <= PACK_SOFT_ANTI_AFFINITY; i++)
		assert_int_equal(pack_rule_by_name(pack_rule_name(i)), i);
	assert_int_equal(pack_rule_by_name("legacy"), PACK_RULE_UNKNOWN);
	assert_int_equal(pack_rule_by_name(NULL), PACK_RULE_UNKNOWN);
	for (int i = 0; i < N_PACK_WHY; i++) {
		assert_non_null(pack_why_name(i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(pack_why_name(i),
						pack_why_name(k));
	}
}

/* Three small ones of low priority would be more than one large one. */
static void test_priority(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3"), lab_server("4")};
	struct pack_in in = lab_in(&h, 1, s, 4);
	struct pack_out *out;

	(void)state;
	h.inv[PACK_RAM_MB].total = 12 * GB;
	s[3].need[PACK_RAM_MB] = 10 * GB;
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	assert_int_equal(out->host[3], PACK_NOWHERE);
	pack_free(out);
	s[3].priority = 1;
	out = lab_run(&in);
	assert_int_equal(out->placed, 1);
	assert_int_equal(out->host[3], 0);
	assert_true(out->proved);
	pack_free(out);
}

/* An affinity set goes with the one of its members that matters most; what
 * another member asks for is not said to be this one's wish. */
static void test_priority_of_set(void **state)
{
	struct pack_host h = lab_host("a");
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_group g = {.id = "g", .rule = PACK_AFFINITY};
	struct pack_in in = lab_in(&h, 1, s, 3);
	struct pack_out *out;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	h.max_new = 2;
	s[0].group = s[2].group = "g";
	s[0].priority = -1;
	s[2].priority = 1;
	out = lab_run(&in);
	assert_int_equal(out->host[0], 0);
	assert_int_equal(out->host[1], PACK_NOWHERE);
	assert_int_equal(out->host[2], 0);
	pack_free(out);
	s[2].machine = "pc-q35-9.0";
	out = lab_run(&in);
	assert_int_equal(out->host[1], 0);
	assert_int_equal(out->n_no, 2);
	pack_say(&in, &out->no[0], &b);
	assert_non_null(strstr(buf_str(&b), "1, one of 2 of server group g "
					    "that go together (4 vCPUs, "));
	assert_non_null(strstr(buf_str(&b), "\n  a: not for another of its "
					    "set (machine-type); "));
	buf_reset(&b);
	pack_say(&in, &out->no[1], &b);
	assert_non_null(
		strstr(buf_str(&b), "a: it has no machine type pc-q35-9.0; "));
	pack_free(out);
}

/* ---- trying harder */

/* The large one may go anywhere and takes the only host of the small one. */
static void test_repair(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b"), lab_host("c")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_in in = lab_in(h, 3, s, 3);
	struct pack_out *out;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		h[i].inv[PACK_RAM_MB].total = 10 * GB;
	s[0].need[PACK_RAM_MB] = 8 * GB;
	s[0].only = NAMES("a", "b");
	s[1].need[PACK_RAM_MB] = 7 * GB;
	s[1].only = NAMES("a", "b", "c");
	s[2].need[PACK_RAM_MB] = 6 * GB;
	s[2].only = NAMES("a");
	in.policy = PACK_FILL;
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	assert_int_equal(out->host[0], 1);
	assert_int_equal(out->host[1], 2);
	assert_int_equal(out->host[2], 0);
	pack_free(out);
}

/* Its way out moves one that moves another. */
static void test_repair_chain(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b"), lab_host("c")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_in in = lab_in(h, 3, s, 3);
	struct pack_out *out;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		h[i].max_new = 1;
	h[0].inv[PACK_RAM_MB].used = 1;
	s[0].only = NAMES("a", "b");
	s[0].need[PACK_VCPU] = 8;
	s[1].only = NAMES("b", "c");
	s[1].need[PACK_VCPU] = 7;
	s[2].only = NAMES("b");
	out = lab_run(&in);
	assert_int_equal(out->placed, 3);
	assert_int_equal(out->host[0], 0);
	assert_int_equal(out->host[1], 2);
	assert_int_equal(out->host[2], 1);
	pack_free(out);
}

/* ---- the reasons */

static void test_grouped(void **state)
{
	struct pack_host h[] = {lab_host("f"), lab_host("e"), lab_host("d"),
				lab_host("c"), lab_host("b"), lab_host("a")};
	struct pack_server s = lab_server("1");
	struct pack_in in = lab_in(h, 6, &s, 1);
	struct pack_out *out;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	s.name = "web-7";
	s.need[PACK_RAM_MB] = 8 * GB;
	h[0].inv[PACK_RAM_MB].total = 5 * GB;
	h[1].inv[PACK_RAM_MB].total = 6 * GB + 512;
	h[2].inv[PACK_RAM_MB].total = 4 * GB;
	h[3].enabled = false;
	h[4].zone = "az2";
	h[5].zone = "az3";
	s.zone = "nova";
	out = lab_run(&in);
	assert_int_equal(out->n_no, 1);
	assert_true(out->no[0].alone);
	assert_int_equal(out->no[0].n, 3);
	assert_int_equal(out->no[0].v[0].hosts, 3);
	assert_int_equal(out->no[0].v[0].host, 1);
	assert_int_equal(out->no[0].v[0].lack[PACK_RAM_MB], 1536);
	pack_say(&in, &out->no[0], &b);
	assert_string_equal(
		buf_str(&b),
		"web-7 (2 vCPUs, 8 GiB of RAM, 10 GiB of disk) fits on none of "
		"6 hosts, the others aside:\n"
		"  e and 2 more: 1.5 GiB of RAM short\n"
		"  c: nova-compute is disabled\n"
		"  a and 1 more: its zone is az3, not nova");
	buf_reset(&b);
	pack_say_way(&in, &out->no[0], &b);
	assert_string_equal(buf_str(&b),
			    "1.5 GiB of RAM on e, or nova-compute, disabled "
			    "now, on c, or the zone asked for on a");
	pack_free(out);
}

static void test_said_group(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b")};
	struct pack_server s[] = {lab_server("1"), lab_server("2")};
	struct pack_group g = {.id = "g",
			       .name = "web",
			       .rule = PACK_ANTI_AFFINITY,
			       .there = on_a,
			       .n_there = 2};
	struct pack_in in = lab_in(h, 2, s, 2);
	struct pack_out *out;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	s[0].group = s[1].group = "g";
	h[1].max_new = 1;
	out = lab_run(&in);
	assert_int_equal(out->n_no, 1);
	pack_say(&in, &out->no[0], &b);
	assert_string_equal(
		buf_str(&b),
		"2 (2 vCPUs, 4 GiB of RAM, 10 GiB of disk) fits on none of 2 "
		"hosts beside the others:\n"
		"  a: server group web (anti-affinity) has 1 of its members "
		"there\n"
		"  b: server group web (anti-affinity) has another member of "
		"this set there; no more than 1 are to go there");
	buf_reset(&b);
	pack_say_way(&in, &out->no[0], &b);
	assert_string_equal(buf_str(&b),
			    "the anti-affinity of server group web on a, or "
			    "the anti-affinity of server group web and 1 of "
			    "the limit per target on b");
	pack_free(out);
}

/* Every reason has words: no line ends in ": ". */
static void test_all_said(void **state)
{
	static const struct pack_meta wants[] = {{"ssd", "true"}};
	struct pack_host h = lab_host("a");
	struct pack_server s = lab_server("1");
	struct pack_group g = {.id = "g", .rule = PACK_ANTI_AFFINITY};
	struct pack_in in = lab_in(&h, 1, &s, 1);

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	h.why_not = "its agent does not answer";
	s.group = "g";
	s.wants = wants;
	s.n_wants = 1;
	s.flags = NAMES("avx", "avx2");
	s.traits = NAMES("T1");
	for (int why = 0; why < N_PACK_WHY; why++) {
		struct pack_obstacle o = {.why = PACK_BIT(why), .hosts = 1};
		struct pack_refusal no = {.v = &o, .n = 1};
		AUTO(buf_clear) struct buf b = BUF_INIT;

		g.rule = why == PACK_GROUP_TOGETHER ? PACK_AFFINITY
						    : PACK_ANTI_AFFINITY;
		pack_say(&in, &no, &b);
		assert_true(b.len > 4);
		assert_false(str_is(b.p + b.len - 2, ": "));
		buf_reset(&b);
		pack_say_way(&in, &no, &b);
		assert_true(!b.len || strlen(buf_str(&b)) > strlen(" on a"));
	}
}

static void test_no_hosts(void **state)
{
	struct pack_server s = lab_server("1");
	struct pack_in in = lab_in(NULL, 0, &s, 1);
	struct pack_out *out = lab_run(&in);
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(out->n_no, 1);
	assert_int_equal(out->no[0].n, 0);
	pack_say(&in, &out->no[0], &b);
	assert_string_equal(buf_str(&b),
			    "1 (2 vCPUs, 4 GiB of RAM, 10 GiB of disk) fits "
			    "nowhere: there is no host");
	pack_free(out);
	in.n_servers = 0;
	out = lab_run(&in);
	assert_int_equal(out->n_no, 0);
	pack_free(out);
}

/* ---- edited assignments */

static void test_check(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_in in = lab_in(h, 2, s, 3);
	const int32_t full[] = {0, 0, 0}, good[] = {0, 1, PACK_NOWHERE};
	struct pack_out *out;

	(void)state;
	h[0].inv[PACK_RAM_MB].total = 9 * GB;
	s[1].need[PACK_RAM_MB] = 3 * GB;
	out = lab_check(&in, full);
	assert_int_equal(out->n_no, 1);
	assert_int_equal(out->no[0].server, 1);
	assert_false(out->no[0].alone);
	assert_int_equal(out->no[0].v[0].host, 0);
	assert_int_equal(out->no[0].v[0].lack[PACK_RAM_MB], 2 * GB);
	assert_int_equal(out->host[1], PACK_NOWHERE);
	pack_free(out);
	out = lab_check(&in, good);
	assert_int_equal(out->n_no, 0);
	assert_int_equal(out->placed, 2);
	assert_int_equal(out->load[1].servers, 1);
	pack_free(out);
}

static void test_check_affinity(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_group g = {.id = "g", .rule = PACK_AFFINITY};
	struct pack_in in = lab_in(h, 2, s, 3);
	const int32_t split[] = {0, 1, 1}, left[] = {1, 0, PACK_NOWHERE};
	const int32_t whole[] = {1, 0, 1}, none[] = {-1, 0, -1};
	struct pack_out *out;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	s[0].group = s[2].group = "g";
	out = lab_check(&in, whole);
	assert_int_equal(out->n_no, 0);
	pack_free(out);
	out = lab_check(&in, none);
	assert_int_equal(out->n_no, 0);
	pack_free(out);
	out = lab_check(&in, split);
	assert_int_equal(out->n_no, 1);
	assert_int_equal(out->no[0].server, 2);
	assert_int_equal(out->no[0].v[0].why, PACK_BIT(PACK_GROUP_TOGETHER));
	pack_free(out);
	out = lab_check(&in, left);
	assert_int_equal(out->n_no, 1);
	assert_int_equal(out->no[0].server, 2);
	assert_int_equal(out->no[0].v[0].why, PACK_BIT(PACK_NO_HOST));
	assert_int_equal(out->no[0].v[0].host, PACK_NOWHERE);
	pack_say(&in, &out->no[0], &b);
	assert_non_null(strstr(buf_str(&b), "left out, while others"));
	pack_free(out);
}

/* ---- what cannot be packed at all */

static void refused_input(const struct pack_in *in, const char *text)
{
	struct err e = ERR_INIT;
	const int32_t none[2] = {PACK_NOWHERE, PACK_NOWHERE};

	assert_null(pack_run(in, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(err_msg(&e), text));
	err_clear(&e);
	assert_null(pack_check(in, none, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
}

static void test_errors(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("a")};
	struct pack_server s[] = {lab_server("1"), lab_server("1")};
	struct pack_group g[] = {{.id = "g", .rule = PACK_AFFINITY},
				 {.id = "g", .rule = PACK_AFFINITY}};
	struct pack_base b[] = {{"x", 1}, {"x", 1}};
	struct pack_in in = lab_in(h, 2, s, 1);
	struct err e = ERR_INIT;
	int32_t bad = 2;

	(void)state;
	refused_input(&in, "host a is given twice");
	h[1].name = NULL;
	refused_input(&in, "has no name");
	h[1].name = "b";
	in.n_servers = 2;
	refused_input(&in, "server 1 is given twice");
	s[1].uuid = NULL;
	refused_input(&in, "without uuid");
	in.n_servers = 1;
	s[0].group = "g";
	refused_input(&in, "is in group g, which is not listed");
	in.groups = g;
	in.n_groups = 2;
	refused_input(&in, "server group g is given twice");
	in.n_groups = 1;
	g[0].rule = PACK_RULE_UNKNOWN;
	refused_input(&in, "policy that is not known");
	g[0].rule = PACK_AFFINITY;
	s[0].bases = NAMES("x");
	refused_input(&in, "stands on base image x, which is not listed");
	in.bases = b;
	in.n_bases = 2;
	refused_input(&in, "base image x is given twice");
	in.n_bases = 1;
	pack_free(lab_run(&in));
	assert_null(pack_check(&in, &bad, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
	in.n_hosts = SIZE_MAX;
	refused_input(&in, "to pack");
}

/* Amounts beyond all measure neither fit nor overflow. */
static void test_huge(void **state)
{
	struct pack_host h[] = {lab_host("a"), lab_host("b")};
	struct pack_server s[] = {lab_server("1"), lab_server("2"),
				  lab_server("3")};
	struct pack_group g = {.id = "g", .rule = PACK_AFFINITY};
	const struct pack_base base = {"img", UINT64_MAX};
	struct pack_in in = lab_in(h, 2, s, 3);
	struct pack_out *out;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	in.groups = &g;
	in.n_groups = 1;
	for (size_t d = 0; d < N_PACK_RES; d++) {
		h[0].inv[d] = (struct pack_inv){.total = UINT64_MAX,
						.ratio = UINT64_MAX,
						.used = UINT64_MAX};
		h[1].inv[d] = (struct pack_inv){.total = UINT64_MAX,
						.reserved = UINT64_MAX};
		s[1].need[d] = s[2].need[d] = UINT64_MAX;
	}
	s[1].group = s[2].group = "g";
	s[1].bytes = s[2].bytes = UINT64_MAX;
	h[0].keep_bytes = UINT64_MAX;
	h[1].max_instances = 1;
	h[1].instances = UINT64_MAX;
	out = lab_run(&in);
	assert_int_equal(out->placed, 0);
	assert_int_equal(out->n_no, 3);
	for (size_t i = 0; i < out->n_no; i++)
		pack_say(&in, &out->no[i], &b);
	pack_free(out);
	h[0] = lab_host("a");
	h[0].free_bytes = 1 << 30;
	s[0].bases = NAMES("img");
	in.bases = &base;
	in.n_bases = 1;
	out = lab_run(&in);
	assert_int_equal(out->placed, 0);
	pack_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_hardware),
		cmocka_unit_test(test_aggregates),
		cmocka_unit_test(test_operators),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_anti_affinity),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_affinity_stays),
		cmocka_unit_test(test_soft),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_priority_of_set),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_repair_chain),
		cmocka_unit_test(test_grouped),
		cmocka_unit_test(test_said_group),
		cmocka_unit_test(test_all_said),
		cmocka_unit_test(test_no_hosts),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_affinity),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
