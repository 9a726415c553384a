/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal as figures for Prometheus, in its text format (version 0.0.4), as
 * node_exporter's textfile collector reads it.
 *
 *	report_metrics(j, clock_now_us(), &text, &e)
 *
 * The names are a public interface: novahaul-report(1) lists them.  No name of
 * an instance is among the labels: they are unbounded, and a tenant's.
 */
#ifndef NH_REPORT_METRICS_H
#define NH_REPORT_METRICS_H

#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

struct journal;

/* Appends to OUT.  J may be NULL: a journal without jobs. */
int report_metrics(struct journal *j, int64_t now_us, struct buf *out,
		   struct err *e);

#endif
