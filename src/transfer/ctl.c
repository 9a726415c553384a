/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/ctl.h"

#include <stdio.h>

void ctl_put_file(struct enc *c, const struct ctl_file *f)
{
	enc_str(c, f->src_root);
	enc_str(c, f->src_rel);
	enc_str(c, f->dst_rel);
	enc_str(c, f->basis_rel);
	enc_str(c, f->expect);
	enc_u8(c, (uint8_t)f->delta);
	enc_bool(c, f->full);
	enc_bool(c, f->final);
	enc_u32(c, f->mode);
	enc_u8(c, (uint8_t)f->bad);
}

void ctl_get_file(struct dec *d, struct ctl_file *f)
{
	f->src_root = dec_str(d);
	f->src_rel = dec_str(d);
	f->dst_rel = dec_str(d);
	f->basis_rel = dec_str0(d);
	f->expect = dec_str0(d);
	f->delta = (enum transfer_delta)dec_u8(d);
	f->full = dec_bool(d);
	f->final = dec_bool(d);
	f->mode = dec_u32(d);
	f->bad = (enum transfer_bad)dec_u8(d);
}

void ctl_put_send(struct enc *c, const struct ctl_send *s)
{
	enc_bool(c, s->direct);
	enc_u64(c, s->bwlimit);
	enc_u8(c, (uint8_t)s->compress);
	enc_str(c, s->addr);
	enc_u32(c, s->port);
	enc_str(c, s->user);
	enc_str(c, s->host_keys);
	enc_str(c, s->key);
	enc_str(c, s->root);
	enc_u64(c, s->epoch);
	enc_u64(c, s->dead_us);
	enc_u32(c, s->streams);
	enc_bool(c, s->tls);
	enc_str(c, s->tls_name);
	enc_bytes(c, s->tls_secret, s->tls_len);
}

void ctl_get_send(struct dec *d, struct ctl_send *s)
{
	s->direct = dec_bool(d);
	s->bwlimit = dec_u64(d);
	s->compress = (enum zip_mode)dec_u8(d);
	d->bad |= s->compress > ZIP_ALWAYS;
	s->addr = dec_str0(d);
	s->port = dec_u32(d);
	s->user = dec_str0(d);
	s->host_keys = dec_str0(d);
	s->key = dec_str0(d);
	s->root = dec_str0(d);
	s->epoch = dec_u64(d);
	s->dead_us = dec_u64(d);
	s->streams = dec_u32(d);
	s->tls = dec_bool(d);
	s->tls_name = dec_str0(d);
	s->tls_secret = dec_bytes(d, &s->tls_len);
}

void ctl_put_listen(struct enc *c, const struct ctl_listen *l)
{
	enc_str(c, l->root);
	enc_u64(c, l->silence_us);
	enc_str(c, l->addr);
	enc_u32(c, l->port_min);
	enc_u32(c, l->port_max);
	enc_u32(c, l->wait_us);
	enc_str(c, l->name);
	enc_bytes(c, l->secret, l->len);
}

void ctl_get_listen(struct dec *d, struct ctl_listen *l)
{
	l->root = dec_str(d);
	l->silence_us = dec_u64(d);
	l->addr = dec_str(d);
	l->port_min = dec_u32(d);
	l->port_max = dec_u32(d);
	l->wait_us = dec_u32(d);
	l->name = dec_str(d);
	l->secret = dec_bytes(d, &l->len);
}

void ctl_put_progress(struct enc *c, const struct transfer_progress *p)
{
	enc_u64(c, p->size);
	enc_u64(c, p->pos);
	enc_u64(c, p->read);
	enc_u64(c, p->sent);
	enc_u64(c, p->matched);
	enc_u64(c, p->holes);
}

void ctl_get_progress(struct dec *d, struct transfer_progress *p)
{
	p->size = dec_u64(d);
	p->pos = dec_u64(d);
	p->read = dec_u64(d);
	p->sent = dec_u64(d);
	p->matched = dec_u64(d);
	p->holes = dec_u64(d);
}

void ctl_put_result(struct enc *c, const struct transfer_result *r)
{
	enc_u64(c, r->size);
	enc_u64(c, r->bytes_read);
	enc_u64(c, r->bytes_sent);
	enc_u64(c, r->bytes_packed);
	enc_u64(c, r->bytes_wire);
	enc_u64(c, r->bytes_matched);
	enc_u64(c, r->bytes_holes);
	enc_u64(c, r->src_allocated);
	enc_u64(c, r->dst_allocated);
	enc_str(c, r->src_digest);
	enc_str(c, r->dst_digest);
	enc_bool(c, r->changed);
	enc_u64(c, r->bad_bytes);
	enc_u64(c, r->bad_ranges);
	for (uint64_t i = 0; i < r->bad_ranges && i < TRANSFER_BAD_LIST; i++) {
		enc_u64(c, r->bad[i].off);
		enc_u64(c, r->bad[i].len);
	}
	enc_u8(c, (uint8_t)r->method);
	enc_u64(c, (uint64_t)(r->seconds * 1e6));
	enc_u32(c, r->streams);
	enc_str(c, r->streams_why);
}

void ctl_get_result(struct dec *d, struct transfer_result *r)
{
	r->size = dec_u64(d);
	r->bytes_read = dec_u64(d);
	r->bytes_sent = dec_u64(d);
	r->bytes_packed = dec_u64(d);
	r->bytes_wire = dec_u64(d);
	r->bytes_matched = dec_u64(d);
	r->bytes_holes = dec_u64(d);
	r->src_allocated = dec_u64(d);
	r->dst_allocated = dec_u64(d);
	snprintf(r->src_digest, sizeof(r->src_digest), "%s", dec_str(d));
	snprintf(r->dst_digest, sizeof(r->dst_digest), "%s", dec_str(d));
	r->changed = dec_bool(d);
	r->bad_bytes = dec_u64(d);
	r->bad_ranges = dec_u64(d);
	for (uint64_t i = 0; i < r->bad_ranges && i < TRANSFER_BAD_LIST; i++) {
		r->bad[i].off = dec_u64(d);
		r->bad[i].len = dec_u64(d);
	}
	r->method = (enum transfer_delta)dec_u8(d);
	r->seconds = (double)dec_u64(d) / 1e6;
	r->streams = dec_u32(d);
	snprintf(r->streams_why, sizeof(r->streams_why), "%s", dec_str(d));
}
