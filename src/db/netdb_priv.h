/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of Neutron's part: netdb.c writes, netdb_port.c reads. */
#ifndef NH_DB_NETDB_PRIV_H
#define NH_DB_NETDB_PRIV_H

#include "db/beside.h"
#include "db/netdb.h"

struct netdb {
	struct beside b;
	char *name;
	bool verified;
};

/* All rows of one port. */
struct port_rows {
	struct my_rows port, bindings, levels;
	size_t active, inactive; /* bindings */
	size_t at;		 /* the active one */
};
void port_rows_clear(struct port_rows *r);
int port_rows_read(struct my_conn *c, const char *id, struct port_rows *r,
		   struct err *e);

/* An image as put down by image_text(). */
struct port_level {
	int64_t level;
	char *driver, *segment;
};
struct port_image {
	char *host, *vif_type, *vif_details, *status;
	struct port_level *levels;
	size_t n;
};
void port_image_clear(struct port_image *i);
/* ERR_REFUSED for anything that is not of this form. */
int port_image_parse(const char *text, struct port_image *out, struct err *e);

#endif
