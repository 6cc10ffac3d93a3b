/* SPDX-License-Identifier: MIT */
/*
 * The first contract: what the kernel side (bpf/) hands to the collector (user/).
 *
 * Records lie in one BPF ring buffer per CPU. Each begins with struct gt_wire_hdr and is only as long as
 * its kind needs. Who is born, renamed, goes on to another program and ends is told in one more ring, the spare,
 * where a CPU's own is full. Both sides are built together, so these layouts may change freely; what must stay
 * readable for years is the trace file (trace.h).
 *
 * Times are CLOCK_MONOTONIC nanoseconds. Task, process and address-space numbers are drawn from one
 * never-reused 32-bit sequence that starts at 1; 0 means "not traced".
 */
#ifndef GILTRACE_WIRE_H
#define GILTRACE_WIRE_H

#include <linux/types.h>

#define GT_COMM_LEN 16
#define GT_PATH_LEN 256
#define GT_MASK_WORDS 16 /* CPU masks are kept for the first 1024 CPUs */
#define GT_MAX_CPUS (GT_MASK_WORDS * 64)

/* A CPU that flips between idle and other people's work is told about at most this often. */
#define GT_CPU_SPAN_NS 1000000ULL

enum gt_wire_kind {
	GT_WIRE_SWITCH = 1,   /* struct gt_wire_switch, or gt_wire_block when GT_F_BLOCK is set */
	GT_WIRE_WAKING = 2,   /* the same two: `task` is woken, `peer` the traced task in whose context, or 0 */
	GT_WIRE_TASK = 3,     /* struct gt_wire_task: born, or found alive at attach */
	GT_WIRE_STATE = 4,    /* struct gt_wire_block: what a task found at attach was doing */
	GT_WIRE_EXEC = 5,     /* struct gt_wire_exec */
	GT_WIRE_RENAME = 6,   /* struct gt_wire_rename */
	GT_WIRE_EXIT = 7,     /* struct gt_wire_hdr: the task began to exit; it may run on for a while */
	GT_WIRE_AFFINITY = 8, /* struct gt_wire_affinity */
	GT_WIRE_CPU = 9,      /* struct gt_wire_cpu: how a stretch without traced tasks was spent */
	GT_WIRE_ON_CPU = 10,  /* struct gt_wire_hdr: who occupies this CPU at start or end (GT_F_NEXT_IDLE) */
	GT_WIRE_TASK_SUM = 11, /* struct gt_wire_task_sum: the kernel side's own sum, for the audit */
	GT_WIRE_CPU_SUM = 12, /* struct gt_wire_cpu_sum: likewise, per CPU */
	GT_WIRE_LOST = 13,    /* struct gt_wire_lost: precedes the first record after a loss */
	GT_WIRE_LOCK = 14,    /* struct gt_wire_lock: a thread passed a lock probe */
	/*
	 * struct gt_wire_stack_of: where hdr.task was at the SWITCH, WAKING or STATE record of the same time and
	 * CPU that follows: its own stack when it leaves the CPU, the waker's when it wakes.
	 */
	GT_WIRE_STACK_OF = 15,
	GT_WIRE_STACK = 16,        /* struct gt_wire_stack: what a stack id not told before stands for */
	GT_WIRE_KERNEL_STACK = 17, /* struct gt_wire_kernel_stack: likewise, the kernel's part; before its STACK */
	GT_WIRE_SAMPLE = 18,       /* struct gt_wire_sample: hdr.task was found on this CPU by the clock */
	GT_WIRE_PYTHON_STACK = 19, /* struct gt_wire_python_stack: likewise, its Python frames; before its STACK */
	GT_WIRE_BATCH = 20,        /* struct gt_wire_batch: several SWITCH and WAKING records; never seen by collect.h */
};

/* Record flags. They are carried unchanged into the trace file: values are never renumbered. */
enum gt_flag {
	GT_F_PREEMPTED = 1 << 0, /* SWITCH: involuntary, whatever the task state says */
	GT_F_IOWAIT = 1 << 1,    /* SWITCH, STATE: the kernel accounts the wait as I/O */
	GT_F_COMPAT = 1 << 2,    /* SWITCH, STATE, WAKING: 32-bit system call numbers */
	GT_F_FUTEX = 1 << 3,     /* SWITCH, STATE, WAKING: addr, op (and val) describe a futex call */
	GT_F_TIMED = 1 << 4,     /* SWITCH, STATE: the futex wait has a timeout */
	GT_F_PREV_IDLE = 1 << 5, /* SWITCH with task 0: the CPU was idle; otherwise someone else's task */
	GT_F_WOKEN = 1 << 5,     /* SWITCH of a task that blocks: somebody was waking it at that moment */
	GT_F_NEXT_IDLE = 1 << 6, /* SWITCH with peer 0, ON_CPU with task 0: the CPU is idle from now on */
	GT_F_BLOCK = 1 << 7,     /* SWITCH, WAKING: the long form, struct gt_wire_block */
};

/* TASK flags (in gt_wire_task.flags). */
enum gt_task_flag {
	GT_TASK_KTHREAD = 1 << 0,   /* kernel thread: saved registers mean nothing */
	GT_TASK_IO_WORKER = 1 << 1, /* io_uring or vhost worker of a user process: likewise */
	GT_TASK_FOUND = 1 << 2,     /* alive before tracing began */
	GT_TASK_THREAD = 1 << 3,    /* born into its creator's process */
};

/* Why something could not be recorded. Names for people: trace.h. Append only. */
enum gt_loss {
	GT_LOSS_RING_FULL = 0,    /* a record found no room in its CPU's ring */
	GT_LOSS_TASK_STORAGE = 1, /* a task's storage was busy or could not be made */
	GT_LOSS_FUTEX_MAP = 2,    /* a futex call could not be counted: the table is full */
	GT_LOSS_FUTEX_ARGS = 3,   /* a futex_waitv vector could not be read from user memory */
	GT_LOSS_CPU_RANGE = 4,    /* a record on a CPU beyond those known at start */
	GT_LOSS_SWITCH = 5,       /* a switch away from a traced task was never shown by the kernel */
	GT_LOSS_STACK = 6,        /* a stack could not be copied: the time is kept, the frames are not known */
	GT_LOSS_FOUND = 7,        /* a task found at attach has no process or address space known: the table is full */
	GT_LOSS_UNFINISHED = 8,   /* a record's writer was off its CPU, half done, until after the end */
	GT_LOSS_FUTEX_SKIPPED = 9, /* the kernel skipped the program that counts a futex call, perhaps a stranger's */
	GT_LOSS_COUNT
};

struct gt_wire_hdr {
	__u64 ts;
	__u8 kind;  /* enum gt_wire_kind */
	__u8 flags; /* enum gt_flag */
	__u16 state; /* SWITCH, STATE: kernel task state bits of `task`; in the spare ring: the CPU */
	__u32 task;  /* whom the record is about; SWITCH: who leaves the CPU; WAKING: who is woken */
};

struct gt_wire_switch {
	struct gt_wire_hdr hdr;
	__u32 peer; /* SWITCH: who takes the CPU; WAKING: the waker */
	__s16 syscall; /* the call `task` (WAKING: the waker) is in; -1: none (an interrupt, a fault) or unknown */
	__u16 pad;
};

/* With a futex call. op is the operation word as passed in (flags included); futex2 calls are translated. */
struct gt_wire_block {
	struct gt_wire_switch sw;
	__u64 addr;
	__u32 op;
	__u32 val; /* the call's value argument, for waits the expected value; low 32 bits */
};

/* Behind it lie `bytes` of records, each as long as its kind and flags tell; what follows those means nothing. */
struct gt_wire_batch {
	struct gt_wire_hdr hdr; /* only `kind` is set */
	__u32 bytes;
	__u32 pad;
};

#define GT_COLLECTED_BYTES 480

/* What a CPU has collected and not yet put into its ring, as user space sees it: how the kernel side's struct batch
 * begins. To be read only of a CPU that is offline. */
struct gt_wire_collected {
	__u32 used; /* bytes of `data` */
	__u32 own[3];
	__u8 data[GT_COLLECTED_BYTES];
};

struct gt_wire_task {
	struct gt_wire_hdr hdr;
	__u32 parent;  /* task id of the creator, 0 when it is not traced */
	__u32 process; /* id shared by all threads of one process */
	__u32 as;      /* id of the address space */
	__s32 tid, tgid, ppid; /* as the initial pid namespace numbers them */
	__u32 clone_flags;
	__u32 flags; /* enum gt_task_flag */
	__u64 clear_child_tid; /* word that the kernel clears and wakes at exit: what pthread_join waits on */
	__u64 start;           /* CLOCK_MONOTONIC birth */
	char comm[GT_COMM_LEN];
};

struct gt_wire_exec {
	struct gt_wire_hdr hdr;
	__s32 tid, tgid;
	__u32 as;
	__u32 dev;  /* kernel encoding: major << 20 | minor */
	__u64 ino;
	__u64 start_code; /* address of the first executable segment's start */
	char path[GT_PATH_LEN]; /* as passed to execve; may be cut, always terminated */
};

struct gt_wire_rename {
	struct gt_wire_hdr hdr;
	char comm[GT_COMM_LEN];
};

struct gt_wire_affinity {
	struct gt_wire_hdr hdr;
	__u32 words;
	__u32 pad;
	__u64 mask[GT_MASK_WORDS];
};

/* From `start` to hdr.ts no traced task had this CPU: `idle` ns nobody had, the rest someone else. */
struct gt_wire_cpu {
	struct gt_wire_hdr hdr;
	__u64 start;
	__u64 idle;
};

struct gt_wire_task_sum {
	struct gt_wire_hdr hdr;
	__u64 run;    /* ns on a CPU since tracing began, up to hdr.ts */
	__u64 slices; /* times switched in */
};

struct gt_wire_cpu_sum {
	struct gt_wire_hdr hdr;
	__u64 traced, other, idle; /* ns; they add up to the time from start to hdr.ts */
};

struct gt_wire_lost {
	struct gt_wire_hdr hdr;
	__u32 reason; /* enum gt_loss */
	__u32 count;
	__u64 first, last; /* times of the first and the last lost record */
};

/* What a lock probe tells. A thread that releases may be forced to: it then waits until another has taken over. */
enum gt_lock_role {
	GT_LOCK_REQUEST = 1,  /* begins to take the lock; it has it when it next returns from waiting, or at once */
	GT_LOCK_ACQUIRED = 2, /* has it; not every lock has a place to probe for this */
	GT_LOCK_RELEASED = 3, /* lets go of it, now or in the next few instructions */
	GT_LOCK_FORCED = 4,   /* has let go and waits for a switch */
	GT_LOCK_ROLES
};

struct gt_wire_lock {
	struct gt_wire_hdr hdr;
	__u64 lock; /* address of the lock, 0 where the probe's place does not tell */
	__u32 site; /* number of the probe's place, drawn by the loader from 1 */
	__u32 role; /* enum gt_lock_role */
};

/* Where a probe's place finds the lock's address. */
enum gt_lock_arg {
	GT_ARG_NONE = 0,     /* nowhere: 0 */
	GT_ARG_CONSTANT = 1, /* `value` */
	GT_ARG_REGISTER = 2, /* the register at `reg` (an offset in struct pt_regs), plus `value` */
	GT_ARG_MEMORY = 3,   /* the `size` bytes at the register's value plus `value` */
};

/* One probed place: entry `site` of the kernel side's table, the probe's cookie. */
struct gt_wire_lock_site {
	__u64 value;
	__u32 role; /* enum gt_lock_role */
	__u8 arg;   /* enum gt_lock_arg */
	__u8 size;  /* 1, 2, 4 or 8 */
	__u16 reg;
};

#define GT_LOCK_SITES_MAX 1024

/* What stacks are wanted: bits of gt_wire_config.stacks. */
enum gt_stacks {
	GT_STACKS_LOCK = 1 << 0,   /* of tasks that block on a futex, and of those that wake them by one */
	GT_STACKS_OFFCPU = 1 << 1, /* of every task that leaves a CPU of its own will, kernel part included */
	GT_STACKS_WAKE = 1 << 2,   /* of every traced task that wakes another */
	GT_STACKS_ONCPU = 1 << 3,  /* of what runs when the sampling clock ticks, kernel part included */
};

#define GT_STACK_BYTES_MAX 65536 /* of a user stack that are copied at most */
#define GT_STACK_KERNEL_MAX 64   /* frames */
#define GT_STACK_SLOTS_MAX 64    /* return addresses by which a stack is known again */
#define GT_STACK_ONCE 1 /* bit of `more`: a sample's, which is not looked for again */

struct gt_wire_stack_of {
	struct gt_wire_hdr hdr;
	__u32 stack; /* never 0 */
	__u32 pad;
};

/*
 * The registers and a copy of what lies at and above the stack pointer, to be unwound in user space. Behind the
 * struct follow `bytes` bytes of stack.
 */
struct gt_wire_stack {
	struct gt_wire_hdr hdr;
	__u32 stack;
	__u32 as;
	__u64 ip, sp, bp, bx, r12, r13, r14, r15;
	__u64 more;  /* what else tells this stack from others with the same ip and sp: see gt_wire_stack_key */
	__u64 top;   /* address where the thread's stack ends, 0 when not known */
	__u32 bytes; /* 0: nothing could be read */
	__u32 pad;
};

struct gt_wire_kernel_stack {
	struct gt_wire_hdr hdr;
	__u32 stack;
	__u32 frames;
	__u64 ip[GT_STACK_KERNEL_MAX]; /* innermost first */
};

/*
 * How the CPython of an address space keeps its frames: what the kernel side needs to walk them, and then what it
 * takes to read the code objects they lead to. Addresses are the process's; offsets are in bytes.
 */
struct gt_wire_python {
	__u64 key;       /* address of the thread-specific key under which a thread has its PyThreadState: struct Py_tss_t */
	__u16 thread_id; /* offsets in PyThreadState: of pthread_self(), by which it is known to be one; */
	__u16 top;       /* of its newest frame, or of what has it */
	__u8 indirect;   /* the latter, */
	__u8 top_in;     /* and where that has it */
	__u8 size;       /* bytes of a frame that are read; the rest are offsets in it */
	__u8 back, code, at, mark;
	__u8 at_pointer; /* `at` is a pointer into the code object, not a number */
	__u8 minor;      /* of the version, 3.minor; 0: none of this is known */
	__u8 co_first_line, co_file, co_name, co_qualname, co_lines, co_code; /* qualname, code 0: there is none */
	__u8 str_ascii, str_compact; /* where the text begins */
	__u8 pad[3];
	__u64 code_type, str_type, bytes_type; /* addresses of the types by which objects are known */
};

#define GT_PYTHON_FRAMES_MAX 128

/*
 * `lines` and `first_line` are what the code object had when it was sent: at its address may lie another one when it
 * is looked at.
 */
struct gt_wire_python_frame {
	__u64 code;  /* address of its code object, or of something else where `mark` says so */
	__u64 lines; /* address of its line table; 0: not known */
	__u32 at;    /* where in it: see gt_wire_python.at */
	__u32 mark : 8; /* tells the outermost frame of a call of the interpreter's loop; how, depends on the version */
	__u32 first_line : 24; /* the low bits of it */
};

/* Only `frames` of `frame` are sent, innermost first. */
struct gt_wire_python_stack {
	struct gt_wire_hdr hdr;
	__u32 stack;
	__u16 frames;
	__u16 cut; /* there were more, or they could not be read */
	struct gt_wire_python how;
	struct gt_wire_python_frame frame[GT_PYTHON_FRAMES_MAX];
};

struct gt_wire_sample {
	struct gt_wire_hdr hdr;
	__u32 stack; /* 0: none was taken */
	__u32 pad;
	__u64 period; /* ns of CPU time that this sample stands for */
};

/*
 * A stack that was unwound is known again: where ip and sp are the same and every return address found then is
 * where it was, it is the same stack. User space writes these after unwinding; the kernel side compares.
 */
struct gt_wire_stack_key {
	__u64 ip, sp;
	__u64 more; /* folded from the kernel's frames and whatever else the stack's identity hangs on; 0: nothing */
	__u32 as;
	__u32 way; /* several stacks may share all of the above: 0, 1, … */
};

struct gt_wire_stack_shape {
	__u32 stack;
	__u32 slots;
	__u64 fold; /* gt_stack_fold() over the slots' values, in order, from 0; in the kernel side's table gt_stack_close() of it */
	__u32 slot[GT_STACK_SLOTS_MAX];   /* offsets from sp of the return addresses, in bytes */
};

/* What the kernel side counts, at the start of each CPU's entry in stack_cpus. */
struct gt_wire_stack_counts {
	__u64 copied;
	__u64 known;   /* again, without a copy */
	__u64 skipped; /* neither: too many at once, or no room */
};

static inline __u64 gt_stack_fold(__u64 fold, __u64 value)
{
	fold = (fold ^ value) * 0x9e3779b97f4a7c15ULL;
	return fold ^ fold >> 29;
}

/*
 * The table gives an entry's memory to another key while it is being read: what is there then must not be believed,
 * even if it fits the stack, so it is closed by what it stands for and whose it is.
 */
static inline __u64 gt_stack_close(__u64 fold, __u32 stack, const struct gt_wire_stack_key *key)
{
	return gt_stack_fold(gt_stack_fold(fold, stack),
			     key->ip ^ (key->sp << 17 | key->sp >> 47) ^ key->more ^ (__u64)key->as << 32);
}

/* Written by the loader between open and load; constant to the verifier. */
struct gt_wire_config {
	__u32 nr_cpus;
	__u32 mask_words;     /* words of a CPU mask that can be non-zero here */
	__u32 trace_all;      /* -a */
	__u32 has_prev_state; /* sched_switch passes the task state as fourth argument (5.18) */
	__u32 stacks;         /* enum gt_stacks, 0: none */
	__u64 sample_ns;      /* with GT_STACKS_ONCPU: from one sample of a CPU to the next */
};

/* What the loader wishes for a process. */
enum gt_wire_wish { GT_WISH_TRACE = 1, GT_WISH_LEAVE_OUT = 2 };

/* Key of the futex call table. */
struct gt_wire_futex_key {
	__u64 addr;
	__u32 as;
	__u32 process;
	__u32 op;     /* as passed in */
	__s32 result; /* 0, 1, 2 (two or more), or -errno */
};

#endif
