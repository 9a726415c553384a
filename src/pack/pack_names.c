/* SPDX-License-Identifier: Apache-2.0 */
/* Words for the enums, and the two sums that readers of a cloud need. */
#include <math.h>
#include <string.h>

#include "core/str.h"
#include "pack/pack.h"

static const char *const rules[] = {
	[PACK_AFFINITY] = "affinity",
	[PACK_ANTI_AFFINITY] = "anti-affinity",
	[PACK_SOFT_AFFINITY] = "soft-affinity",
	[PACK_SOFT_ANTI_AFFINITY] = "soft-anti-affinity",
};

static const char *const policies[N_PACK_POLICIES] = {
	[PACK_SPREAD] = "spread",
	[PACK_FILL] = "fill",
	[PACK_FEWEST_BYTES] = "fewest-bytes",
};

static const char *const whys[N_PACK_WHY] = {
	[PACK_NO_HOST] = "left-out",
	[PACK_SOURCE] = "source",
	[PACK_NOT_ASKED] = "not-asked",
	[PACK_AVOIDED] = "avoided",
	[PACK_DOWN] = "down",
	[PACK_DISABLED] = "disabled",
	[PACK_REFUSED] = "refused",
	[PACK_ARCH] = "arch",
	[PACK_CPU] = "cpu-model",
	[PACK_FLAGS] = "cpu-flags",
	[PACK_MACHINE] = "machine-type",
	[PACK_HYPERVISOR] = "hypervisor",
	[PACK_IMAGES_TYPE] = "images-type",
	[PACK_CONFIG_DRIVE] = "config-drive-format",
	[PACK_TRAITS] = "traits",
	[PACK_TENANTS] = "tenants",
	[PACK_ZONE] = "zone",
	[PACK_AGGREGATE] = "aggregate",
	[PACK_GROUP_TOGETHER] = "affinity",
	[PACK_GROUP_APART] = "anti-affinity",
	[PACK_MAX_UNIT] = "max-unit",
	[PACK_NO_VCPU] = "no-vcpu",
	[PACK_NO_RAM] = "no-ram",
	[PACK_NO_DISK] = "no-disk",
	[PACK_NO_BYTES] = "no-bytes",
	[PACK_MAX_INSTANCES] = "max-instances",
	[PACK_MAX_NEW] = "max-per-target",
};

enum pack_rule pack_rule_by_name(const char *policy)
{
	for (size_t i = PACK_AFFINITY; i < ARRAY_SIZE(rules); i++)
		if (str_is(rules[i], policy))
			return (enum pack_rule)i;
	return PACK_RULE_UNKNOWN;
}

const char *pack_rule_name(enum pack_rule rule)
{
	return rule == PACK_RULE_UNKNOWN ? "unknown" : rules[rule];
}

const char *pack_policy_name(enum pack_policy policy)
{
	return policies[policy];
}

int pack_policy_by_name(const char *name, enum pack_policy *policy,
			struct err *e)
{
	for (size_t i = 0; i < N_PACK_POLICIES; i++) {
		if (!str_is(policies[i], name))
			continue;
		*policy = (enum pack_policy)i;
		return 0;
	}
	return err_set(e, ERR_USAGE,
		       "'%s' is no way to pack: spread, fill or fewest-bytes",
		       name ? name : "");
}

const char *pack_why_name(enum pack_why why)
{
	return whys[why];
}

uint64_t pack_ratio(double ratio)
{
	double r = ratio * PACK_RATIO_ONE;

	if (!isfinite(r) || r < 0.5)
		return PACK_RATIO_ONE;
	return r < 1e18 ? (uint64_t)(r + 0.5) : (uint64_t)1e18;
}

uint64_t pack_capacity(const struct pack_inv *inv)
{
	uint64_t ratio = inv->ratio ? inv->ratio : PACK_RATIO_ONE;
	unsigned __int128 c;

	if (inv->total <= inv->reserved)
		return 0;
	c = (unsigned __int128)(inv->total - inv->reserved) * ratio /
	    PACK_RATIO_ONE;
	return c < UINT64_MAX ? (uint64_t)c : UINT64_MAX;
}
