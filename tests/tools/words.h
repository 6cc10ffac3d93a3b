/* SPDX-License-Identifier: MIT */
/*
 * The words in which script and dump write traces down. One line is one record:
 *
 *	@120us cpu0 switch 5 -> 0 state=S syscall=futex addr=0x1000 op=0x80 val=2 timed next-idle
 *	@121us cpu1 waking 5 by 6 syscall=futex addr=0x1000 op=0x81 val=1
 *	@0 collector symbol as=5 addr=0x1000 name=the_lock image=/bin/prog
 *
 * Values are numbers (decimal, or 0x), times (ns, or with us, ms, s after them), CPU lists (0-3,8),
 *or text with \xNN for bytes that are not printable and for spaces. "key value" is "key=value"; an
 *empty text is "".
 */
#ifndef TOOLS_WORDS_H
#define TOOLS_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum word_type {
	WORD_END,
	WORD_U32,
	WORD_HEX32,
	WORD_S32,
	WORD_U64,
	WORD_HEX64,
	WORD_TIME,
	WORD_COMM,
	WORD_TEXT,
	WORD_CPUS,
	WORD_STATE,
	WORD_SYSCALL,
	WORD_LOSS,
	WORD_ROLE, /* of a lock probe */
	WORD_LIST, /* frames of a stack: numbers with commas between them */
};

struct word {
	const char *key;
	enum word_type type;
	size_t at; /* offset in struct gt_event */
};

struct verb {
	const char *name;
	const char *between; /* word between task and peer; NULL: no peer */
	bool task;	     /* the task's number follows the verb */
	bool call;	     /* has state, syscall and futex call */
	struct word words[13];
};

/* One field a line would hide the shape of the tables. */
/* clang-format off */
#define WORD(type, key, member) { key, WORD_##type, offsetof(struct gt_event, member) }

static const struct word call_words[] = {
	WORD(STATE, "state", state), WORD(SYSCALL, "syscall", syscall), WORD(HEX64, "addr", u.addr),
	WORD(HEX32, "op", op), WORD(U32, "val", val), { NULL },
};

static const struct verb verbs[GT_KIND_COUNT] = {
	[GT_SWITCH] = { "switch", "->", true, true },
	[GT_WAKING] = { "waking", "by", true, true },
	[GT_STATE] = { "state", NULL, true, true },
	[GT_TASK] = { "task", NULL, true, false, {
		WORD(U32, "parent", u.task.parent), WORD(U32, "process", u.task.process),
		WORD(U32, "as", u.task.as), WORD(S32, "tid", u.task.tid), WORD(S32, "tgid", u.task.tgid),
		WORD(S32, "ppid", u.task.ppid), WORD(HEX32, "clone", u.task.clone_flags),
		WORD(HEX32, "flags", u.task.flags), WORD(HEX64, "clear", u.task.clear_child_tid),
		WORD(TIME, "start", u.task.start), WORD(COMM, "comm", u.task.comm),
	} },
	[GT_EXEC] = { "exec", NULL, true, false, {
		WORD(S32, "tid", u.exec.tid), WORD(S32, "tgid", u.exec.tgid), WORD(U32, "as", u.exec.as),
		WORD(HEX32, "dev", u.exec.dev), WORD(U64, "ino", u.exec.ino),
		WORD(HEX64, "code", u.exec.start_code), WORD(TEXT, "path", u.exec.path),
	} },
	[GT_RENAME] = { "rename", NULL, true, false, { WORD(COMM, "comm", u.comm) } },
	[GT_EXIT] = { "exit", NULL, true, false },
	[GT_AFFINITY] = { "affinity", NULL, true, false, { WORD(CPUS, "cpus", u.affinity) } },
	[GT_CPU] = { "cpu", NULL, false, false, {
		WORD(TIME, "start", u.cpu_span.start), WORD(TIME, "idle", u.cpu_span.idle),
	} },
	[GT_ON_CPU] = { "on-cpu", NULL, true, false },
	[GT_TASK_SUM] = { "task-sum", NULL, true, false, {
		WORD(TIME, "run", u.task_sum.run), WORD(U64, "slices", u.task_sum.slices),
	} },
	[GT_CPU_SUM] = { "cpu-sum", NULL, false, false, {
		WORD(TIME, "traced", u.cpu_sum.traced), WORD(TIME, "other", u.cpu_sum.other),
		WORD(TIME, "idle", u.cpu_sum.idle),
	} },
	[GT_LOST] = { "lost", NULL, false, false, {
		WORD(LOSS, "reason", u.lost.reason), WORD(U32, "count", u.lost.count),
		WORD(TIME, "first", u.lost.first), WORD(TIME, "last", u.lost.last),
	} },
	[GT_SYMBOL] = { "symbol", NULL, false, false, {
		WORD(U32, "as", u.symbol.as), WORD(HEX64, "addr", u.symbol.addr),
		WORD(TEXT, "name", u.symbol.name), WORD(TEXT, "image", u.symbol.image),
		WORD(HEX64, "offset", u.symbol.image_offset), WORD(HEX64, "dev", u.symbol.shared_dev),
		WORD(U64, "ino", u.symbol.shared_ino), WORD(HEX64, "at", u.symbol.shared_offset),
	} },
	[GT_FUTEX_COUNT] = { "futex-count", NULL, false, false, {
		WORD(HEX64, "addr", u.futex_count.addr), WORD(U32, "as", u.futex_count.as),
		WORD(U32, "process", u.futex_count.process), WORD(HEX32, "op", u.futex_count.op),
		WORD(S32, "result", u.futex_count.result), WORD(U64, "count", u.futex_count.count),
	} },
	[GT_LOCK] = { "lock", NULL, true, false, {
		WORD(HEX64, "lock", u.lock.addr), WORD(U32, "site", u.lock.site), WORD(ROLE, "role", u.lock.role),
	} },
	[GT_LOCK_SITE] = { "lock-site", NULL, false, false, {
		WORD(U32, "site", u.lock_site.site), WORD(ROLE, "role", u.lock_site.role),
		WORD(HEX32, "flags", u.lock_site.flags), WORD(U32, "interpreter", u.lock_site.interpreter),
		WORD(TEXT, "name", u.lock_site.name), WORD(TEXT, "image", u.lock_site.image),
	} },
	[GT_INTERPRETER] = { "interpreter", NULL, false, false, {
		WORD(U32, "as", u.interpreter.as), WORD(U32, "kind", u.interpreter.kind),
		WORD(HEX32, "version", u.interpreter.version), WORD(HEX32, "flags", u.interpreter.flags),
		WORD(TEXT, "name", u.interpreter.name), WORD(TEXT, "image", u.interpreter.image),
	} },
	[GT_NOTE] = { "note", NULL, false, false, { WORD(U32, "as", u.note.as), WORD(TEXT, "text", u.note.text) } },
	[GT_STACK_OF] = { "stack-of", NULL, true, false, { WORD(U32, "stack", u.stack_of.stack) } },
	[GT_SAMPLE] = { "sample", NULL, true, false, {
		WORD(U32, "stack", u.sample.stack), WORD(TIME, "period", u.sample.period),
	} },
	[GT_STACK] = { "stack", NULL, false, false, {
		WORD(U32, "stack", u.stack.stack), WORD(HEX32, "flags", u.stack.flags),
		WORD(LIST, "frames", u.stack),
	} },
	[GT_FRAME] = { "frame", NULL, false, false, {
		WORD(U32, "frame", u.frame.frame), WORD(U32, "kind", u.frame.kind), WORD(U32, "line", u.frame.line),
		WORD(TEXT, "name", u.frame.name), WORD(TEXT, "image", u.frame.image),
		WORD(TEXT, "file", u.frame.file),
	} },
};
/* clang-format on */

struct named {
	const char *name;
	uint32_t value;
};

static const struct named flag_names[] = {
	{ "preempted", GT_F_PREEMPTED }, { "iowait", GT_F_IOWAIT },
	{ "compat", GT_F_COMPAT },	 { "timed", GT_F_TIMED },
	{ "prev-idle", GT_F_PREV_IDLE }, { "next-idle", GT_F_NEXT_IDLE },
	{ "block", GT_F_BLOCK },	 { "futex", GT_F_FUTEX },
	{ "woken", GT_F_WOKEN },
};

/* Task states as the kernel numbers them. */
static const struct named state_names[] = {
	{ "R", 0 },    { "S", 0x1 },   { "D", 0x2 },   { "T", 0x4 },	     { "t", 0x8 },
	{ "X", 0x80 }, { "K", 0x102 }, { "I", 0x402 }, { "frozen", 0x8000 },
};

/* System calls of x86-64 that tests speak of. */
static const struct named syscall_names[] = {
	{ "read", 0 },
	{ "write", 1 },
	{ "poll", 7 },
	{ "select", 23 },
	{ "nanosleep", 35 },
	{ "accept", 43 },
	{ "recvfrom", 45 },
	{ "exit", 60 },
	{ "wait4", 61 },
	{ "kill", 62 },
	{ "fsync", 74 },
	{ "futex", 202 },
	{ "restart_syscall", 219 },
	{ "clock_nanosleep", 230 },
	{ "exit_group", 231 },
	{ "epoll_wait", 232 },
	{ "io_uring_enter", 426 },
	{ "futex_waitv", 449 },
	{ "futex_wake", 454 },
	{ "futex_wait", 455 },
	{ "futex_requeue", 456 },
};

/* enum gt_lock_role */
static const struct named role_names[] = {
	{ "request", GT_LOCK_REQUEST },
	{ "acquired", GT_LOCK_ACQUIRED },
	{ "released", GT_LOCK_RELEASED },
	{ "forced", GT_LOCK_FORCED },
};

static const char *const target_names[] = {
	[GT_TARGET_COMMAND] = "command",
	[GT_TARGET_PIDS] = "pids",
	[GT_TARGET_ALL] = "all",
};

#endif
