/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of Oracle's client interface, version 8.0, as src/db/mysql.c may use,
 * from the MySQL 8.0 C API reference: so that `make check` compiles the MySQL
 * flavour on machines that have MariaDB Connector/C alone.  Nothing links
 * against it.  What Oracle's header lacks is left out on purpose: my_bool,
 * MYSQL_OPT_SSL_ENFORCE, MYSQL_OPT_SSL_VERIFY_SERVER_CERT.
 */
#ifndef NH_COMPAT_MYSQL_H
#define NH_COMPAT_MYSQL_H

#include <stdbool.h>
#include <stdint.h>

#define MYSQL_VERSION_ID 80044
#define CLIENT_FOUND_ROWS 2
#define MYSQL_NO_DATA 100
#define MYSQL_DATA_TRUNCATED 101

typedef struct MYSQL MYSQL;
typedef struct MYSQL_RES MYSQL_RES;
typedef struct MYSQL_STMT MYSQL_STMT;

enum enum_field_types {
	MYSQL_TYPE_NULL = 6,
	MYSQL_TYPE_LONGLONG = 8,
	MYSQL_TYPE_STRING = 254,
};

enum mysql_option {
	MYSQL_OPT_CONNECT_TIMEOUT,
	MYSQL_SET_CHARSET_NAME,
	MYSQL_OPT_LOCAL_INFILE,
	MYSQL_OPT_PROTOCOL,
	MYSQL_OPT_READ_TIMEOUT,
	MYSQL_OPT_WRITE_TIMEOUT,
	MYSQL_OPT_RECONNECT,
	MYSQL_OPT_SSL_KEY,
	MYSQL_OPT_SSL_CERT,
	MYSQL_OPT_SSL_CA,
	MYSQL_OPT_SSL_CAPATH,
	MYSQL_OPT_SSL_CIPHER,
	MYSQL_OPT_SSL_MODE,
};

enum mysql_protocol_type {
	MYSQL_PROTOCOL_DEFAULT,
	MYSQL_PROTOCOL_TCP,
	MYSQL_PROTOCOL_SOCKET,
};

enum mysql_ssl_mode {
	SSL_MODE_DISABLED = 1,
	SSL_MODE_PREFERRED,
	SSL_MODE_REQUIRED,
	SSL_MODE_VERIFY_CA,
	SSL_MODE_VERIFY_IDENTITY,
};

typedef struct MYSQL_FIELD {
	char *name;
} MYSQL_FIELD;

typedef struct MYSQL_BIND {
	unsigned long *length;
	bool *is_null;
	void *buffer;
	bool *error;
	unsigned long buffer_length;
	enum enum_field_types buffer_type;
	bool is_unsigned;
} MYSQL_BIND;

MYSQL *mysql_init(MYSQL *m);
MYSQL *mysql_real_connect(MYSQL *m, const char *host, const char *user,
			  const char *password, const char *db, unsigned port,
			  const char *socket, unsigned long flags);
int mysql_options(MYSQL *m, enum mysql_option option, const void *value);
int mysql_real_query(MYSQL *m, const char *text, unsigned long n);
unsigned mysql_errno(MYSQL *m);
const char *mysql_error(MYSQL *m);
void mysql_close(MYSQL *m);
MYSQL_FIELD *mysql_fetch_field(MYSQL_RES *r);
void mysql_free_result(MYSQL_RES *r);

MYSQL_STMT *mysql_stmt_init(MYSQL *m);
int mysql_stmt_prepare(MYSQL_STMT *s, const char *text, unsigned long n);
unsigned long mysql_stmt_param_count(MYSQL_STMT *s);
bool mysql_stmt_bind_param(MYSQL_STMT *s, MYSQL_BIND *b);
bool mysql_stmt_bind_result(MYSQL_STMT *s, MYSQL_BIND *b);
int mysql_stmt_execute(MYSQL_STMT *s);
int mysql_stmt_store_result(MYSQL_STMT *s);
int mysql_stmt_fetch(MYSQL_STMT *s);
int mysql_stmt_fetch_column(MYSQL_STMT *s, MYSQL_BIND *b, unsigned column,
			    unsigned long offset);
MYSQL_RES *mysql_stmt_result_metadata(MYSQL_STMT *s);
uint64_t mysql_stmt_affected_rows(MYSQL_STMT *s);
unsigned mysql_stmt_errno(MYSQL_STMT *s);
const char *mysql_stmt_error(MYSQL_STMT *s);
bool mysql_stmt_close(MYSQL_STMT *s);

#endif
