/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the operator names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/cli_priv.h"
#include "core/fs.h"

int cli_write_file(const char *path, const char *text_, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO(mem_freep)
	char *dir = slash ? mem_strndup(path, (size_t)(slash - path) + 1)
			  : mem_strdup(".");
	AUTO(mem_closefd)
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", dir);
	if (fs_write_atomic(fd, slash ? slash + 1 : path, text_, strlen(text_),
			    0600, e))
		return err_wrap(e, "writing %s", path);
	return 0;
}
