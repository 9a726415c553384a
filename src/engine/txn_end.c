/* SPDX-License-Identifier: Apache-2.0 */
/* How a job ended: the names, and the exit codes. */
#include "engine/txn.h"

const char *txn_end_name(enum txn_end end)
{
	static const char *const names[] = {
		[TXN_OPEN] = "open",
		[TXN_DONE] = "done",
		[TXN_ROLLED_BACK] = "rolled-back",
		[TXN_REFUSED] = "refused",
		[TXN_LOCKED] = "locked",
		[TXN_NOTHING] = "nothing",
		[TXN_ERROR] = "error",
	};

	return names[end];
}

static int code_of_kind(enum err_kind kind)
{
	switch (kind) {
	case ERR_USAGE:
		return 2;
	case ERR_INTERRUPTED:
		return 3;
	case ERR_NOTHING:
		return 4;
	case ERR_REFUSED:
		return 5;
	case ERR_FENCE:
		return 6;
	case ERR_LOCKED:
	case ERR_STALE:
		return 7;
	case ERR_NONE:
	case ERR_FAILED:
	case ERR_CONFLICT:
	case ERR_RETRY:
	case ERR_LOST:
	case ERR_BUG:
		break;
	}
	return 1;
}

int txn_exit_code(enum txn_end end, const struct err *e)
{
	switch (end) {
	case TXN_OPEN:
		return e->kind == ERR_FENCE ? code_of_kind(e->kind) : 3;
	case TXN_DONE:
		return 0;
	case TXN_ROLLED_BACK:
		if (e->kind == ERR_NONE)
			return 0;
		return e->kind == ERR_LOCKED || e->kind == ERR_FENCE
			       ? code_of_kind(e->kind)
			       : 1;
	case TXN_REFUSED:
		return 5;
	case TXN_LOCKED:
		return 7;
	case TXN_NOTHING:
		return 4;
	case TXN_ERROR:
		break;
	}
	return code_of_kind(e->kind);
}
