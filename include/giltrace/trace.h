/* SPDX-License-Identifier: MIT */
/*
 * The second contract: the trace file, the only thing that crosses from the recorder (root) to the
 * analyses (anyone). docs/trace-format.md describes the bytes; lib/trace_write.c and lib/trace_read.c are
 * the only code that knows them.
 *
 * A trace is a header, then rounds. A round is one block of records for every CPU that had any, closed by
 * a mark: every record with a time up to the mark's is in this round or an earlier one. Records come back
 * from the reader merged by time. What is not an event (the machine, the command, totals) is struct
 * gt_meta, written at the start with what is known by then and again at the end.
 */
#ifndef GILTRACE_TRACE_H
#define GILTRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/wire.h>

#define GT_TRACE_MAJOR 2 /* readers refuse a newer major, and read every older one */
#define GT_TRACE_MINOR 0 /* readers accept any minor: unknown kinds of records and blocks are skipped */

#define GT_CPU_COLLECTOR UINT32_MAX /* stream of records that the collector itself writes */

/* Kinds of records. Values are in every trace file: append only, retire by leaving a hole. */
enum gt_kind {
	GT_SWITCH = 1,    /* task, peer, flags, state, syscall; with GT_F_FUTEX addr, op, val */
	GT_WAKING = 2,    /* task (woken), peer (waker or 0), flags, syscall; with GT_F_FUTEX addr, op, val */
	GT_TASK = 3,      /* u.task */
	GT_STATE = 4,     /* as GT_SWITCH, peer unused: what a task found at attach is doing */
	GT_EXEC = 5,      /* u.exec */
	GT_RENAME = 6,    /* u.comm */
	GT_EXIT = 7,      /* task */
	GT_AFFINITY = 8,  /* u.affinity */
	GT_CPU = 9,       /* u.cpu_span */
	GT_ON_CPU = 10,   /* task or 0, GT_F_NEXT_IDLE */
	GT_TASK_SUM = 11, /* u.task_sum */
	GT_CPU_SUM = 12,  /* u.cpu_sum */
	GT_LOST = 13,     /* u.lost */
	GT_SYMBOL = 14,   /* u.symbol; collector stream: the name of a word of memory */
	GT_FUTEX_COUNT = 15, /* u.futex_count; collector stream, once at the end */
	GT_LOCK = 16,        /* task, u.lock: it passed a lock probe */
	GT_LOCK_SITE = 17,   /* u.lock_site; collector stream: a place that is probed, from this time on */
	GT_INTERPRETER = 18, /* u.interpreter; collector stream: what an address space's program interprets with */
	GT_NOTE = 19,        /* u.note; collector stream: something the recorder could not do, for people */
	/* task, u.stack_of: its stack at the SWITCH, WAKING or STATE record of the same time that follows in this
	 * CPU's stream; the waker's own where it is a WAKING's peer. */
	GT_STACK_OF = 20,
	GT_SAMPLE = 21,      /* task, u.sample: it was found on this CPU by the sampling clock */
	GT_STACK = 22,       /* u.stack; collector stream: the frames of a stack, maybe later than their first use */
	GT_FRAME = 23,       /* u.frame; collector stream: one frame, before the first GT_STACK that has it */
	GT_KIND_COUNT
};

/* Whose global lock an interpreter has. Values are in trace files: append only. */
enum gt_interpreter {
	GT_INTERPRETER_NONE = 0,
	GT_INTERPRETER_CPYTHON = 1,
	GT_INTERPRETER_PYPY = 2,
	GT_INTERPRETER_RUBY = 3,
	GT_INTERPRETER_OCAML = 4,
	GT_INTERPRETER_COUNT
};

enum gt_interpreter_flag {
	GT_INTERPRETER_NO_GIL = 1 << 0,   /* built to run without its global lock (a free-threaded CPython) */
	GT_INTERPRETER_PROBED = 1 << 1,   /* probes are at every place where the lock is taken and let go of */
	GT_INTERPRETER_IN_PART = 1 << 2,  /* only at some: what they do not see is still inferred */
	GT_INTERPRETER_PER_DOMAIN = 1 << 3, /* several locks in one process are normal (OCaml 5, CPython 3.12) */
};

enum gt_lock_site_flag {
	GT_LOCK_SITE_USDT = 1 << 0,   /* a static probe of the program itself */
	GT_LOCK_SITE_INLINE = 1 << 1, /* the function was inlined here */
};

enum gt_frame_kind {
	GT_FRAME_NATIVE = 0,
	GT_FRAME_INLINED = 1, /* native, compiled into the frame that follows it */
	GT_FRAME_KERNEL = 2,
	GT_FRAME_PYTHON = 3,
	GT_FRAME_JIT = 4,     /* named by a perf map */
	GT_FRAME_VDSO = 5,
	GT_FRAME_UNKNOWN = 6, /* name says what is not known, in brackets */
	GT_FRAME_KINDS
};

enum gt_stack_flag {
	GT_STACK_COMPLETE = 1 << 0,  /* reaches the thread's first frame */
	GT_STACK_TRUNCATED = 1 << 1, /* deeper than the copy or than what is kept */
	GT_STACK_BROKEN = 1 << 2,    /* no unwind information, or it leads nowhere, from the last frame on */
	GT_STACK_SKIPPED = 1 << 3,   /* not unwound: too many at once, or the process was gone */
};

#define GT_STACK_FRAMES_MAX 512 /* frames of one GT_STACK */

/* Where strings, masks and lists of a record point is owned by the reader and valid until the next read. */
struct gt_event {
	uint64_t ts;
	uint32_t cpu;
	uint8_t kind;  /* enum gt_kind */
	uint8_t flags; /* enum gt_flag */
	uint16_t state;
	uint32_t task;
	uint32_t peer;
	int32_t syscall; /* -1: none or unknown */
	uint32_t op;
	uint32_t val;
	union {
		uint64_t addr; /* SWITCH, WAKING, STATE */
		struct {
			uint32_t parent, process, as;
			int32_t tid, tgid, ppid;
			uint32_t clone_flags;
			uint32_t flags; /* enum gt_task_flag */
			uint64_t clear_child_tid;
			uint64_t start;
			char comm[GT_COMM_LEN];
		} task;
		struct {
			int32_t tid, tgid;
			uint32_t as, dev;
			uint64_t ino, start_code;
			const char *path;
		} exec;
		char comm[GT_COMM_LEN];
		struct {
			uint32_t words;
			const uint64_t *mask;
		} affinity;
		struct {
			uint64_t start, idle;
		} cpu_span;
		struct {
			uint64_t run, slices;
		} task_sum;
		struct {
			uint64_t traced, other, idle;
		} cpu_sum;
		struct {
			uint32_t reason, count;
			uint64_t first, last;
		} lost;
		struct {
			uint32_t as;
			uint64_t addr;
			const char *name;  /* "symbol" or "symbol+0x10"; "" when only the image is known */
			const char *image; /* path of the mapped file, "[heap]", "[stack]", "[anon]" or "" */
			uint64_t image_offset; /* offset of addr in the file, for file mappings */
			uint64_t shared_dev, shared_ino; /* non-zero: a MAP_SHARED mapping of this file, */
			uint64_t shared_offset;          /* and where in it: the identity of a shared futex */
		} symbol;
		struct {
			uint64_t addr;
			uint32_t as, process, op;
			int32_t result;
			uint64_t count;
		} futex_count;
		struct {
			uint64_t addr; /* of the lock, 0 where the probe's place does not tell */
			uint32_t site; /* GT_LOCK_SITE's number */
			uint32_t role; /* enum gt_lock_role */
		} lock;
		struct {
			uint32_t site, role, flags; /* flags: enum gt_lock_site_flag */
			uint32_t interpreter;       /* enum gt_interpreter; NONE: a workload's own probes */
			const char *name;           /* function, or provider:probe */
			const char *image;
		} lock_site;
		struct {
			uint32_t as;
			uint32_t kind;    /* enum gt_interpreter */
			uint32_t version; /* major << 16 | minor << 8 | patch; 0: unknown */
			uint32_t flags;   /* enum gt_interpreter_flag */
			const char *name; /* "CPython 3.11.2", for people */
			const char *image;
		} interpreter;
		struct {
			uint32_t as;      /* whom it is about, 0: the whole recording */
			const char *text; /* one line */
		} note;
		struct {
			uint32_t stack; /* GT_STACK's number */
		} stack_of;
		struct {
			uint32_t stack; /* 0: none was taken */
			uint64_t period; /* ns of CPU time it stands for */
		} sample;
		struct {
			uint32_t stack, flags; /* flags: enum gt_stack_flag */
			uint32_t nframes;
			const uint32_t *frames; /* GT_FRAME's numbers, innermost first */
		} stack;
		struct {
			uint32_t frame, kind, line; /* kind: enum gt_frame_kind; line 0: unknown */
			const char *name;  /* function, never empty */
			const char *image; /* path of the mapped file, "[kernel]", … or "" */
			const char *file;  /* source file, "" when unknown */
		} frame;
	} u;
};

/* What a trace says about its making. Strings are owned by the struct; NULL or 0 means unknown. */
struct gt_meta {
	char *giltrace; /* version that recorded it */
	char **command; /* NULL-terminated; NULL with -p and -a */
	char *exe;      /* resolved path of the command */
	enum gt_target { GT_TARGET_COMMAND = 0, GT_TARGET_PIDS = 1, GT_TARGET_ALL = 2 } target;
	int32_t *pids; /* of -p */
	size_t npids;
	bool exited; /* the command ended inside the window: exit_code or exit_signal */
	int exit_code, exit_signal;
	uint64_t start, end; /* the window; end is 0 until the recorder finished */
	char *kernel, *arch, *clock;
	uint32_t cpus_online, cpus_allowed; /* allowed: the launcher's own mask */
	double cpu_quota;                   /* CPUs' worth; 0: no quota */
	uint64_t throttled;                 /* ns of cgroup throttling inside the window, summed over CPUs */
	uint64_t losses[GT_LOSS_COUNT];     /* totals by reason */
	uint64_t repaired;                  /* switches the kernel did not show, put back from run-time clocks */
	uint32_t left_running;              /* descendants alive when the window closed */
	struct {
		uint64_t bpf_ns, bpf_runs; /* 0 when the kernel does not keep statistics */
		uint64_t bpf_misses;       /* program runs that the kernel skipped */
		uint64_t collector_cpu;    /* ns */
		uint64_t startup;          /* ns from giltrace's start to the workload's release */
		uint64_t bytes, records;   /* written to the trace */
		uint64_t window_cpu;       /* ns: giltrace's and its helpers' within the window */
	} overhead;
	bool futex_calls; /* futex calls were counted, */
	bool futex_tax;   /* by a hook that every system call of the machine paid for */
	bool lock_probes; /* --probe-locks */
	bool no_usdt;     /* --no-usdt: programs' own static probes were left alone */
	uint32_t stacks;  /* enum gt_stacks: what stacks were taken of */
	uint32_t sample_hz; /* on-CPU samples a second and CPU, 0: none */
	struct {
		uint64_t copied;  /* stacks copied and sent to be unwound */
		uint64_t known;   /* seen again, by their return addresses, without a copy */
		uint64_t skipped; /* not copied, or not unwound: too many at once, or the process was gone */
	} stack_counts;
};

void gt_meta_free(struct gt_meta *meta); /* frees what it owns, not the struct; accepts zeroed structs */

/* Names of enum gt_loss for reports and JSON, e.g. "ring_full". */
const char *gt_loss_name(enum gt_loss reason);

/* ---- writer ---- */

struct gt_writer;

/*
 * Start a trace on `fd`, which the writer owns from now on, even on failure. Returns NULL with errno set.
 * The header is written at once, marked incomplete.
 */
struct gt_writer *gt_writer_new(int fd);

/*
 * Append one record to the stream of `ev->cpu`. Records of one CPU may be a little out of order. Returns 0
 * or -errno; after an error (a full disk) every later call returns the same error and what was written so
 * far stays readable.
 */
int gt_writer_event(struct gt_writer *w, const struct gt_event *ev);

/* Close the round: every record up to time `ts` has been given. UINT64_MAX: up to the last one's. */
int gt_writer_mark(struct gt_writer *w, uint64_t ts);

/* Write `meta`; the last one in a file counts. */
int gt_writer_meta(struct gt_writer *w, const struct gt_meta *meta);

/* Bytes on disk and records so far. */
void gt_writer_size(const struct gt_writer *w, uint64_t *bytes, uint64_t *records);

/* Clear the incomplete mark, and fsync nothing. Returns the first error of the writer's life, or 0. */
int gt_writer_finish(struct gt_writer *w);

/* Closes the file; accepts NULL. A writer that was not finished leaves an incomplete trace behind. */
void gt_writer_free(struct gt_writer *w);

/* ---- reader ---- */

struct gt_reader;

struct gt_reader_stats {
	uint64_t records;    /* returned so far */
	uint64_t disordered; /* came later than the merge could mend; their time was raised to the last one's */
	uint64_t skipped;    /* records of unknown kind */
	uint64_t last_mark;  /* ns; nothing after it is returned */
	bool incomplete;     /* the recorder did not finish, or the file is cut */
	bool damaged;        /* a block's checksum or contents were wrong; reading stopped there */
};

/*
 * Open a trace, reading its header and its metadata. Returns NULL and, in `*err`, -errno or one of: -EPROTO
 * (not a trace), -EPROTONOSUPPORT (newer major), -ENODATA (empty, or cut before the first mark).
 * Nothing in the file is trusted; memory is bounded by the number of CPUs, not by the file's length.
 */
struct gt_reader *gt_reader_open(const char *path, int *err);

/* The same on an open, seekable file, which the reader owns from now on, even on failure. */
struct gt_reader *gt_reader_open_fd(int fd, int *err);

/* The next record in order of time. 1: `*ev` is it (valid until the next call), 0: the end, or -errno. */
int gt_reader_next(struct gt_reader *r, const struct gt_event **ev);

#define GT_BATCH_EVENTS 512
#define GT_BATCH_OWNERS 64 /* records of one batch that own memory */

/* Consecutive records in order of time, with all that they point to. A zeroed one is empty. */
struct gt_batch {
	uint32_t n;
	uint32_t nowners;
	uint16_t owners[GT_BATCH_OWNERS]; /* which of the events own what they point to */
	struct gt_event events[GT_BATCH_EVENTS];
};

/*
 * The next records, at least one: the same as so many calls of gt_reader_next(). 1, 0: the end, or -errno.
 * What the batch held before is released. Batches may outlive the reader and be read by several threads.
 */
int gt_reader_batch(struct gt_reader *r, struct gt_batch *b);
void gt_batch_release(struct gt_batch *b); /* frees what its events own, not the struct; leaves it empty */

/* Back to the first record, for another pass. 0 or -errno. */
int gt_reader_rewind(struct gt_reader *r);

const struct gt_meta *gt_reader_meta(const struct gt_reader *r);
void gt_reader_stats(const struct gt_reader *r, struct gt_reader_stats *out);
void gt_reader_free(struct gt_reader *r); /* accepts NULL */

#endif
