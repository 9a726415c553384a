/* SPDX-License-Identifier: Apache-2.0 */
/* What the two sides share. */
#ifndef NH_TRANSFER_TLS_PRIV_H
#define NH_TRANSFER_TLS_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* ADDR, in digits, and PORT; 0: it is none. */
socklen_t tls_address(const char *addr, unsigned port,
		      struct sockaddr_storage *out);
/* Until FD is ready for EVENTS; false at DEADLINE, or when STOP (-1: none)
 * becomes readable. */
bool tls_wait(int fd, short events, int64_t deadline, int stop);

#endif
