/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/route_priv.h"

int route_results(struct transfer *t, struct dec *d, struct err *e)
{
	for (size_t n = dec_count(d, 8); n; n--) {
		uint32_t i = dec_u32(d);

		if (d->bad || i >= t->nresults)
			return err_set(e, ERR_BUG, "a result of file %u", i);
		ctl_get_result(d, &t->results[i]);
		t->results[i].via = t->via;
	}
	return dec_end(d, "results", e);
}

int route_files_done(struct transfer *t, struct dec *d, struct err *e)
{
	bool ok = dec_bool(d);

	if (ok && dec_end(d, "done", e))
		return -1;
	if (!ok) {
		t->bad = dec_u32(d);
		dec_err(d, &t->error);
	}
	t->ok = ok;
	t->done = true;
	return 0;
}

/* As many of the N files as one message takes; their number. */
static size_t send_files(struct transfer *t, const struct transfer_file *f,
			 size_t n, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT, items = ENC_INIT;
	size_t k = 0;

	while (k < n && k < CTL_FILES_MAX && items.b.len < CTL_FILES_BYTES)
		route_put_file(&items, &f[k++]);
	enc_u8(&m, CTL_FILES);
	enc_count(&m, k);
	return route_start(t, &m, items.b.p, items.b.len, e) ? 0 : k;
}

/* The first of N files, as many as one message takes: *K. */
static int copy_some(struct transfer *t, const struct transfer_file *f,
		     size_t n, size_t *k, struct err *e)
{
	int rc;

	*k = send_files(t, f, n, e);
	t->nresults = t->bad = *k;
	rc = *k && !route_wait(t, &f[0], e) ? 0 : -1;
	if (!rc && !t->ok) {
		err_move(e, &t->error);
		rc = -1;
	}
	err_clear(&t->error);
	if (rc && e->kind == ERR_LOST)
		t->dead = true;
	if (rc && t->bad < *k)
		err_wrap(e, "copying %s", f[t->bad].src_rel);
	return rc;
}

int route_copy_many(struct transfer *t, const struct transfer_file *files,
		    size_t n, struct transfer_result *results, struct err *e)
{
	size_t k;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		results[i] = (struct transfer_result){.via = t->via};
	if (n && route_alive(t, e))
		return -1;
	for (size_t i = 0; !rc && i < n; i += k) {
		t->results = &results[i];
		rc = copy_some(t, &files[i], n - i, &k, e);
	}
	t->results = NULL;
	return rc ? err_wrap(e, "%zu files from %s to %s", n, t->src.host,
			     t->dst.host)
		  : 0;
}
