/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/transfer.h"

#include <string.h>

static const char *const deltas[] = {
	[TRANSFER_AUTO] = "auto",
	[TRANSFER_WHOLE] = "whole",
	[TRANSFER_BLOCKS] = "blocks",
	[TRANSFER_LIBRSYNC] = "librsync",
};

static const char *const vias[] = {
	[TRANSFER_VIA_AUTO] = "auto",
	[TRANSFER_VIA_DIRECT] = "direct",
	[TRANSFER_VIA_RELAY] = "relay",
	[TRANSFER_VIA_TLS] = "tls",
};

bool transfer_delta_parse(const char *s, enum transfer_delta *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(deltas); i++) {
		if (strcmp(s, deltas[i]))
			continue;
		*out = (enum transfer_delta)i;
		return true;
	}
	return false;
}

const char *transfer_delta_name(enum transfer_delta d)
{
	return (size_t)d < ARRAY_SIZE(deltas) ? deltas[d] : "?";
}

bool transfer_via_parse(const char *s, enum transfer_via *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(vias); i++) {
		if (strcmp(s, vias[i]))
			continue;
		*out = (enum transfer_via)i;
		return true;
	}
	return false;
}

const char *transfer_via_name(enum transfer_via v)
{
	return (size_t)v < ARRAY_SIZE(vias) ? vias[v] : "?";
}
