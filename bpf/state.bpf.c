/* SPDX-License-Identifier: MIT */
/* Owns every map and every variable that user space reads or writes. */
#include "state.bpf.h"
#include "task.bpf.h"
#include "calls.bpf.h"
#include "stack.bpf.h"
#include "python.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Set between open and load; one CPU is what the verifier sees when nobody did. */
const volatile struct gt_wire_config config = { .nr_cpus = 1, .mask_words = 1 };

__u8 cpus[GT_MAX_CPUS][CPU_STATE_SIZE] __attribute__((aligned(CPU_STATE_SIZE)));
__u8 batches[GT_MAX_CPUS][BATCH_SIZE] __attribute__((aligned(BATCH_SIZE)));
__u8 task_slots[TASK_SLOTS][TASK_SLOT_SIZE] __attribute__((aligned(TASK_SLOT_SIZE)));
__u64 losses[GT_LOSS_COUNT];
__u64 repaired;
__u32 enabled;
__u32 counting;
__u32 no_waiting;
__u32 next_id;
__u64 alive;
__u32 seen;
__u32 found;
__u32 own_level;
__u64 own_namespace;

__u8 stack_cpus[GT_MAX_CPUS][STACK_CPU_SIZE] __attribute__((aligned(STACK_CPU_SIZE)));
__u32 next_stack;

struct rings rings SEC(".maps");
struct spare spare SEC(".maps");
struct tasks tasks SEC(".maps");
struct found_ids found_ids SEC(".maps");
struct targets targets SEC(".maps");
struct futex_calls futex_calls SEC(".maps");
struct lock_sites lock_sites SEC(".maps");
struct stacks_known stacks_known SEC(".maps");
struct pythons pythons SEC(".maps");
struct python_stacks python_stacks SEC(".maps");
struct stack_kernel stack_kernel SEC(".maps");
struct stack_window stack_window SEC(".maps");
struct stack_bell stack_bell SEC(".maps");
