/* SPDX-License-Identifier: MIT */
#include "inspect_interpreter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/image/image_debug.h"
#include "inspect_image.h"
#include "inspect_locks.h"
#include "inspect_python.h"
#include "inspect_symbols.h"
#include "inspect_version.h"

#define VERSION(major, minor) ((major) << 16 | (minor) << 8)

/* ---- CPython ---- */

static const struct inspect_locks_function cpython_entries[] = {
	{ "PyEval_SaveThread", GT_LOCK_RELEASED },
	{ "PyEval_RestoreThread", GT_LOCK_REQUEST },
	{ "PyEval_ReleaseThread", GT_LOCK_RELEASED },
	{ "PyEval_AcquireThread", GT_LOCK_REQUEST },
	{ "PyEval_ReleaseLock", GT_LOCK_RELEASED },
	{ "PyEval_AcquireLock", GT_LOCK_REQUEST },
	{ NULL },
};

/*
 * Its loop calls PyThread_acquire_lock() and PyThread_release_lock() hundreds of thousands of times
 * a second, and so does every other lock of the program: probing these would stop it in its tracks.
 */
static const struct inspect_locks cpython2 = {
	.entries = cpython_entries,
	.missing =
		"CPython 2 lets go of its lock every 100 instructions in its loop, which is not probed: "
		"only releases around blocking calls are",
};

static const struct inspect_locks cpython3 = {
	.exact = (const struct inspect_locks_function[]){ { "take_gil", GT_LOCK_REQUEST },
							  { "drop_gil", GT_LOCK_RELEASED },
							  { "drop_gil_impl", GT_LOCK_RELEASED },
							  { NULL } },
	.entries = cpython_entries,
	.callers = (const char *const[]){ "PyEval_SaveThread", "PyEval_ReleaseThread",
					  "PyEval_ReleaseLock", NULL },
	.loops = (const char *const[]){ "_PyEval_EvalFrameDefault", "_Py_HandlePending",
					"eval_frame_handle_pending", "handle_eval_breaker",
					"PyEval_EvalFrameEx", NULL },
	.through = (const char *const[]){ "_PyThreadState_Detach", "detach_thread",
					  "_PyEval_ReleaseLock", NULL },
	.files = (const char *const[]){ "ceval.c", "ceval_gil.c", "pystate.c", NULL },
};

static bool is_cpython2(const struct inspect_symbols *s)
{
	return inspect_symbols_find(s, "PyString_FromString") ||
	       inspect_symbols_find(s, "Py_InitModule4_64");
}

static const struct inspect_locks *cpython_locks(const struct inspect_symbols *s, uint32_t version)
{
	return is_cpython2(s) ? &cpython2 : &cpython3;
}

static uint32_t cpython_flags(const struct inspect_symbols *s, const struct inspect_version *v)
{
	/* Exported by builds without the lock, to ask for it after all; and what they count
	 * references by. */
	if (v->threaded || inspect_symbols_find(s, "PyUnstable_Module_SetGIL") ||
	    inspect_symbols_find(s, "_Py_DecRefShared"))
		return GT_INTERPRETER_NO_GIL;
	return v->version >= VERSION(3, 12) ? GT_INTERPRETER_PER_DOMAIN : 0;
}

/* ---- PyPy ---- */

/* An uncontended taking or release is one instruction, inlined everywhere. */
static const struct inspect_locks pypy = {
	.missing =
		"PyPy takes its lock with one instruction, inlined everywhere: it cannot be probed",
};

static const struct inspect_locks *pypy_locks(const struct inspect_symbols *s, uint32_t version)
{
	return &pypy;
}

/* ---- Ruby ---- */

static const char ruby_unmeasured[] =
	"where Ruby's lock is taken and let go of was read in its source, and not "
	"yet measured";

static const struct inspect_locks ruby31 = {
	.exact =
		(const struct inspect_locks_function[]){
			{ "gvl_acquire_common", GT_LOCK_REQUEST, true },
			{ "gvl_release_common", GT_LOCK_RELEASED, true },
			{ NULL } },
	.files = (const char *const[]){ "thread.c", "thread_pthread.c", NULL },
	.missing = ruby_unmeasured,
};

static const struct inspect_locks ruby32 = {
	.exact =
		(const struct inspect_locks_function[]){
			{ "thread_sched_to_running_common", GT_LOCK_REQUEST, true },
			{ "thread_sched_to_waiting_common", GT_LOCK_RELEASED, true },
			{ NULL } },
	.files = (const char *const[]){ "thread.c", "thread_pthread.c", NULL },
	.missing = ruby_unmeasured,
};

static const struct inspect_locks ruby33 = {
	.exact =
		(const struct inspect_locks_function[]){
			{ "thread_sched_wait_running_turn", GT_LOCK_REQUEST, true },
			{ "thread_sched_wakeup_next_thread", GT_LOCK_RELEASED, true },
			{ NULL } },
	.files = (const char *const[]){ "thread.c", "thread_pthread.c", NULL },
	.missing = ruby_unmeasured,
};

static const struct inspect_locks *ruby_locks(const struct inspect_symbols *s, uint32_t version)
{
	if (version >= VERSION(3, 3))
		return &ruby33;
	return version >= VERSION(3, 2) ? &ruby32 : &ruby31;
}

static uint32_t ruby_flags(const struct inspect_symbols *s, const struct inspect_version *v)
{
	return v->version >= VERSION(3, 0) ? GT_INTERPRETER_PER_DOMAIN : 0; /* Ractors */
}

/* ---- OCaml ---- */

static const struct inspect_locks_function ocaml_entries[] = {
	{ "caml_enter_blocking_section", GT_LOCK_RELEASED },
	{ "caml_enter_blocking_section_no_pending", GT_LOCK_RELEASED },
	{ "caml_leave_blocking_section", GT_LOCK_REQUEST },
	{ NULL },
};

static const char ocaml_yields[] =
	"OCaml's threads also give way to each other in caml_thread_yield, which "
	"cannot be probed as one release: that is inferred";

static const struct inspect_locks ocaml4 = {
	.exact =
		(const struct inspect_locks_function[]){
			{ "caml_thread_enter_blocking_section", GT_LOCK_RELEASED },
			{ "caml_thread_leave_blocking_section", GT_LOCK_REQUEST },
			{ "caml_thread_stop", GT_LOCK_RELEASED },
			{ NULL } },
	.entries = ocaml_entries,
	.hooks = true,
	.files = (const char *const[]){ "st_stubs.c", NULL },
	.missing = ocaml_yields,
};

static const struct inspect_locks ocaml5 = {
	.exact =
		(const struct inspect_locks_function[]){
			{ "st_masterlock_acquire", GT_LOCK_REQUEST, true },
			{ "st_masterlock_release", GT_LOCK_RELEASED, true },
			{ NULL } },
	.entries = ocaml_entries,
	.callers = (const char *const[]){ "caml_thread_enter_blocking_section", NULL },
	.files = (const char *const[]){ "st_stubs.c", NULL },
	.missing = ocaml_yields,
};

static bool is_ocaml5(const struct inspect_symbols *s)
{
	return inspect_symbols_find(s, "caml_domain_spawn");
}

static const struct inspect_locks *ocaml_locks(const struct inspect_symbols *s, uint32_t version)
{
	return is_ocaml5(s) ? &ocaml5 : &ocaml4;
}

static uint32_t ocaml_flags(const struct inspect_symbols *s, const struct inspect_version *v)
{
	return is_ocaml5(s) ? GT_INTERPRETER_PER_DOMAIN : 0;
}

/* ---- all of them ---- */

/* What the tables above and below, and inspect_version.c, ask for. */
static const char *const names[] = {
	"PyEval_SaveThread",
	"PyEval_RestoreThread",
	"PyEval_ReleaseThread",
	"PyEval_AcquireThread",
	"PyEval_ReleaseLock",
	"PyEval_AcquireLock",
	"PyString_FromString",
	"Py_InitModule4_64",
	"Py_Version",
	"PyUnstable_Module_SetGIL",
	"_Py_DecRefShared",
	"take_gil",
	"drop_gil",
	"drop_gil_impl",
	"_PyEval_EvalFrameDefault",
	"_Py_HandlePending",
	"eval_frame_handle_pending",
	"handle_eval_breaker",
	"PyEval_EvalFrameEx",
	"_PyThreadState_Detach",
	"detach_thread",
	"_PyEval_ReleaseLock",
	"_PyRuntime",
	"PyCode_Type",
	"PyUnicode_Type",
	"PyBytes_Type",
	"PyPyGILState_Ensure",
	"rpython_startup_code",
	"ruby_version",
	"rb_thread_call_without_gvl",
	"gvl_acquire_common",
	"gvl_release_common",
	"thread_sched_to_running_common",
	"thread_sched_to_waiting_common",
	"thread_sched_wait_running_turn",
	"thread_sched_wakeup_next_thread",
	"caml_enter_blocking_section",
	"caml_enter_blocking_section_no_pending",
	"caml_leave_blocking_section",
	"caml_thread_enter_blocking_section",
	"caml_thread_leave_blocking_section",
	"caml_thread_stop",
	"st_masterlock_acquire",
	"st_masterlock_release",
	"caml_domain_spawn",
	"camlStdlib__Sys",
	"camlStdlib__Sys__data_begin",
	"camlStdlib__Sys__data_end",
	NULL,
};

static const struct row {
	enum gt_interpreter kind;
	const char *title;
	const char *file;     /* part of its files' names */
	const char *marks[2]; /* both are there */
	struct inspect_version (*version)(const struct inspect_elf *,
					  const struct inspect_symbols *, const char *path);
	uint32_t (*flags)(const struct inspect_symbols *, const struct inspect_version *);
	const struct inspect_locks *(*locks)(const struct inspect_symbols *, uint32_t version);
	const char *package; /* Debian's debug symbols, for two parts of the version; NULL: none */
} rows[] = {
	{ GT_INTERPRETER_CPYTHON,
	  "CPython",
	  "python",
	  { "PyEval_SaveThread", "PyEval_RestoreThread" },
	  inspect_version_cpython,
	  cpython_flags,
	  cpython_locks,
	  " (Debian: python%u.%u-dbg)" },
	{ GT_INTERPRETER_PYPY,
	  "PyPy",
	  "pypy",
	  { "PyPyGILState_Ensure", "rpython_startup_code" },
	  inspect_version_pypy,
	  NULL,
	  pypy_locks,
	  NULL },
	{ GT_INTERPRETER_RUBY,
	  "Ruby",
	  "ruby",
	  { "ruby_version", "rb_thread_call_without_gvl" },
	  inspect_version_ruby,
	  ruby_flags,
	  ruby_locks,
	  " (Debian: libruby%u.%u-dbgsym)" },
	{ GT_INTERPRETER_OCAML,
	  "OCaml",
	  "ocaml",
	  { "caml_enter_blocking_section", "caml_leave_blocking_section" },
	  inspect_version_ocaml,
	  ocaml_flags,
	  ocaml_locks,
	  NULL },
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))

bool inspect_interpreter_named(const char *name)
{
	for (size_t i = 0; i < NROWS; i++) {
		if (strstr(name, rows[i].file))
			return true;
	}
	return false;
}

static const struct row *row_of(const struct inspect_symbols *s)
{
	for (size_t i = 0; i < NROWS; i++) {
		if (inspect_symbols_find(s, rows[i].marks[0]) &&
		    inspect_symbols_find(s, rows[i].marks[1]))
			return &rows[i];
	}
	return NULL;
}

static void put_name(struct inspect_image *img, const struct row *row,
		     const struct inspect_version *v)
{
	uint32_t n = v->version;
	char number[32] = "";

	if (n && v->exact)
		snprintf(number, sizeof(number), " %u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
	else if (n)
		snprintf(number, sizeof(number), " %u.%u", n >> 16, n >> 8 & 255);
	snprintf(img->name, sizeof(img->name), "%s%s", row->title, number);
}

/* The image's own full symbols, or its debug file's. NULL: there are none. */
static Elf *open_debug(const struct inspect_elf *e, struct inspect_image *img, int *fd)
{
	GElf_Shdr shdr;

	*fd = -1;
	if (inspect_elf_section(e->elf, ".symtab", &shdr))
		return e->elf;
	*fd = image_debug_open(e->elf, img->path);
	if (*fd == -ESTALE)
		inspect_image_note(img, "the debug symbols installed are of another build");
	return *fd < 0 ? NULL : elf_begin(*fd, ELF_C_READ, NULL);
}

static void find_locks(const struct inspect_elf *e, struct inspect_symbols *s,
		       const struct row *row, struct inspect_image *img)
{
	const struct inspect_locks *locks = row->locks(s, img->version);
	char packages[64] = "";
	int fd;
	Elf *debug = open_debug(e, img, &fd);

	if (row->package && img->version)
		snprintf(packages, sizeof(packages), row->package, img->version >> 16,
			 img->version >> 8 & 255);
	if (debug)
		inspect_symbols_read(s, debug, SHT_SYMTAB, names);
	inspect_locks(e, s, debug, locks, packages, img);
	if (debug != e->elf)
		elf_end(debug);
	if (fd >= 0)
		close(fd);
}

void inspect_interpreter(const struct inspect_elf *e, unsigned int want, struct inspect_image *img)
{
	struct inspect_symbols *s = calloc(1, sizeof(*s));
	struct inspect_version v;
	const struct row *row;

	if (!s)
		return;
	inspect_symbols_read(s, e->elf, SHT_DYNSYM, names);
	row = row_of(s);
	/* Programs that have the interpreter in them export its symbols only when they load
	 * modules. */
	if (!row && inspect_symbols_read(s, e->elf, SHT_SYMTAB, names))
		row = row_of(s);
	if (!row)
		goto out;
	v = row->version(e, s, img->path);
	img->interpreter = row->kind;
	img->version = v.version;
	img->flags = row->flags ? row->flags(s, &v) : 0;
	put_name(img, row, &v);
	if (row->kind == GT_INTERPRETER_CPYTHON && !(img->flags & GT_INTERPRETER_NO_GIL))
		inspect_python(e, s, img);
	if (want & INSPECT_LOCKS && !(img->flags & GT_INTERPRETER_NO_GIL))
		find_locks(e, s, row, img);
out:
	free(s);
}
