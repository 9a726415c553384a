/* SPDX-License-Identifier: Apache-2.0 */
/* The journals of a unit test in MariaDB: store-lab.c. */
#ifndef NH_TESTS_STORE_LAB_H
#define NH_TESTS_STORE_LAB_H

/* Whoever writes in the journal of PATH has not been heard of for the lease.
 * Nothing in a file. */
void store_lab_silence(const char *path);

#endif
