/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <lib/log.h>

#include "shown.h"

/* What gt_reader_open() and the passes over a trace answer with, in words. */
static const struct {
	int err;
	const char *words;
} reasons[] = {
	{ -EPROTO, "it is not a giltrace trace" },
	{ -EPROTONOSUPPORT,
	  "it was written by a newer giltrace, in a format this one does not know" },
	{ -ENODATA, "it is empty or was cut before the first record" },
	{ -ESPIPE, "it is a pipe; copy it into a file first" },
	{ -ENOMEM, "out of memory" },
};

static const char *reason(int err)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].err == err)
			return reasons[i].words;
	return strerror(-err);
}

static unsigned int allowed_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned int)CPU_COUNT(&set);
}

int load(const char *name, const char *path, int fd, unsigned int jobs, struct loaded *out)
{
	int err = 0;

	memset(out, 0, sizeof(*out));
	out->reader = path ? gt_reader_open(path, &err) : gt_reader_open_fd(fd, &err);
	if (out->reader) {
		err = results_from_trace(out->reader, jobs ? jobs : allowed_cpus(),
					 &out->results);
		out->analysed = err == 0;
	}
	if (err) {
		log_error("cannot read %s: %s", SHOWN(name), reason(err));
		load_free(out);
	}
	/* Not every format has a place to tell it. */
	if (!err && out->results.losses.left_out)
		log_warn("%s: %llu facts found no room and are left out", SHOWN(name),
			 (unsigned long long)out->results.losses.left_out);
	return err;
}

void load_free(struct loaded *l)
{
	if (l->analysed)
		results_free(&l->results);
	gt_reader_free(l->reader);
	memset(l, 0, sizeof(*l));
}
