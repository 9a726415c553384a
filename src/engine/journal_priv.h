/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the journal: one connection, its statements, guarded writes. */
#ifndef NH_ENGINE_JOURNAL_PRIV_H
#define NH_ENGINE_JOURNAL_PRIV_H

#include "core/store.h"
#include "core/uuid.h"
#include "engine/journal.h"

/* sql/journal.sql, and what of it is said otherwise to MariaDB, with what only
 * several operators need: sql/journal_mysql.sql. */
extern const struct store_sql journal_sql_text[];
extern const struct store_sql journal_mysql_text[];

struct journal {
	struct store *s;
	char *reserve; /* its name in dirfd; NULL when shared */
	int dirfd;     /* or -1 */
	bool urgent;
	journal_hook *hook;
	void *hook_arg;
	/* Of one that is shared (journal_write.c, journal_holder.c): who this
	 * is and where, how many writes it has made, and when it last said that
	 * it is there. */
	char writer[UUID_LEN + 1], place[128];
	uint64_t writes;
	int64_t beat_us;
	struct journal *outer; /* journal_beat_too() */
};

/* Opens the file as a store, and its directory.  NULL on error; DIRFD may be
 * open all the same. */
struct store *journal_file_open(const char *path, int *dirfd, struct err *e);

/* Says what follows on how to write; ends what it said. */
void journal_writer_init(struct journal *j);
void journal_writer_end(struct journal *j);
/* Part of a write that makes this the controller of a job or a batch.  Nothing
 * in a file. */
int journal_hold(struct journal *j, const char *id, struct err *e);
/* Part of one that takes it over: ERR_LOCKED while somebody else is at it. */
int journal_not_attended(struct journal *j, const char *id, struct err *e);
/* Is the job or batch attended?  OWNER, to be freed, is who. */
int journal_holder(struct journal *j, const char *id, enum journal_pulse *out,
		   char **owner, struct err *e);
/* Part of a write that makes JOB an open one: ERR_LOCKED when the instance has
 * another. */
int journal_only_one(struct journal *j, const struct journal_job *job,
		     struct err *e);
/* Part of a write that rests on what stands in this batch.  Nothing in a
 * file. */
int journal_in_batch(struct journal *j, const char *id, struct err *e);
/* Is there a reserve, and may it be used?  Then it is gone. */
bool journal_give_up_reserve(struct journal *j);

/* The statement of this name, reset and unbound.  Borrowed. */
struct store_stmt *journal_stmt(struct journal *j, const char *name);
/* Bind by name; a name that the statement lacks aborts.  NULL text is NULL. */
void journal_bind(struct store_stmt *st, const char *name, const char *text);
void journal_bind_int(struct store_stmt *st, const char *name, int64_t v);
/* As above; 0 is bound as NULL. */
void journal_bind_time(struct store_stmt *st, const char *name, int64_t us);
/* One row?  1 yes, 0 no more, -1 error. */
int journal_step_row(struct journal *j, struct store_stmt *st, struct err *e);
/* Runs a statement that returns no rows. */
int journal_exec(struct journal *j, struct store_stmt *st, struct err *e);
/* Column I as a string that is never NULL, or as one that may be; borrowed. */
const char *journal_text(struct store_stmt *st, int i);
const char *journal_text0(struct store_stmt *st, int i);
/* Column I as a number; NULL is 0. */
int64_t journal_int(struct store_stmt *st, int i);
/* Ends a statement that may have rows left. */
void journal_reset(struct store_stmt *st);
/* Rows that the last writing statement changed. */
int64_t journal_changed(struct journal *j);

/* Reads between these see one state of the file. */
int journal_read_begin(struct journal *j, struct err *e);
void journal_read_end(struct journal *j);
/* May all of such a read be tried again, because its connection broke?  Then E
 * is clear.  TRIES counts. */
bool journal_read_again(struct journal *j, unsigned *tries, struct err *e);

/* One durable write: BEGIN, the guard, BODY, COMMIT.  BODY may be called again,
 * after what it did was undone: it changes nothing but the journal. */
struct journal_write {
	const char *what;	       /* for the hook and the errors */
	const struct journal_key *key; /* NULL: not guarded by an epoch */
	int (*body)(struct journal *j, void *arg, struct err *e);
	void *arg;
};
int journal_write(struct journal *j, const struct journal_write *w,
		  struct err *e);
/* An event row of the running write. */
int journal_add_event(struct journal *j, const char *id, long idx,
		      const char *kind, const char *text, struct err *e);

/* The history of a job or of a batch: all rows of ST, which have the same
 * columns, up to the first for which .record or .event says no. */
struct journal_reader {
	const char *what, *id; /* "job", for the errors of records */
	uint64_t after;	       /* of events: the last one that was seen */
	journal_each_record *record;
	journal_each_event *event;
	void *arg;
};
int journal_read_records(struct journal *j, struct store_stmt *st,
			 const struct journal_reader *r, struct err *e);
int journal_read_events(struct journal *j, struct store_stmt *st,
			const struct journal_reader *r, struct err *e);

/* A row of "get-job", "list-jobs" or "batch-jobs". */
int journal_read_job(struct journal *j, struct store_stmt *st,
		     struct journal_job *out, struct err *e);
/* The job's error or value in a row, as JSON text. */
void journal_bind_json(struct store_stmt *st, const char *name,
		       const json_t *v);
void journal_bind_error(struct store_stmt *st, const char *name,
			const struct err *why);
/* Reads column I of a row, written by the above, into OUT. */
void journal_read_error(struct store_stmt *st, int i, struct err *out);
/* The row of WHAT ("job", "batch") ID says what no build writes. */
int journal_bad_row(struct journal *j, const char *what, const char *id,
		    struct err *e);
/* "j-" or "b-" and 8 random digits; is TEXT such a name? */
void journal_random_id(char kind, char id[JOURNAL_ID_MAX]);
bool journal_id_ok(char kind, const char *text);
/* Of batch.c, part of the write of a new job: may the member of this batch
 * have it? */
int batch_admits(struct journal *j, const struct journal_job *job,
		 struct err *e);

/* Inserts JOB with its steps, as part of a write. */
int journal_add_job(struct journal *j, const struct journal_job *job,
		    struct err *e);
int journal_load_in(struct journal *j, const char *id, struct journal_job *out,
		    struct err *e);
/* Fills the members that stand in the plan, and the steps, all PENDING. */
int journal_read_plan(const json_t *plan, struct journal_job *job,
		      struct err *e);

/* -1 for a name that is none. */
int journal_state_by_name(const char *s);
int journal_dir_by_name(const char *s);
int journal_mark_by_name(const char *s);

/* {"kind", "message", "hint"}; NULL for ERR_NONE. */
json_t *journal_err_json(const struct err *why);
void journal_err_parse(const json_t *v, struct err *out);

#endif
