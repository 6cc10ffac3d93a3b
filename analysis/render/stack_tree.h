/* SPDX-License-Identifier: MIT */
/*
 * Stacks of one kind merged from their roots on, as flame graphs draw them: paths that begin with
 * the same names share nodes. Threads with one name share one, too. Of two runs the tree has both
 * weights in every node; how they are matched is said in docs/method.md.
 */
#ifndef ANALYSIS_RENDER_STACK_TREE_H
#define ANALYSIS_RENDER_STACK_TREE_H

#include "stack_paths.h"

/* Sums are by run: [0] is A or the only one, [1] is B. */
struct stack_node {
	/* Merged by part and name; what else differs between the merged is unknown (NULL, 0). */
	struct stack_frame frame;
	uint32_t parent;   /* index into nodes; the root is its own */
	uint32_t child;	   /* first child, by name; 0: none */
	uint32_t next;	   /* next sibling, 0: none */
	uint32_t depth;	   /* of the root: 0 */
	uint64_t total[2]; /* ns, those of all below included */
	uint64_t self[2];  /* ns of paths that end here */
	uint64_t count[2]; /* of total: waits, samples or wakings */
};

struct stack_tree {
	enum stack_kind kind;
	struct stack_node *nodes; /* [0] is the root, "all" */
	uint32_t n, depth;	  /* depth: of the deepest node */
	uint64_t complete[2];	  /* ns in stacks that reach their thread's first frame */
	uint64_t left_out;	  /* paths that were cut short for want of room */
	struct stack_paths *paths[2];
	char *both; /* a name made of two programs' */
};

/*
 * Merge `a`, and `b` unless NULL. The tree's names belong to the results and the tree. 0 or
 * -ENOMEM; free the tree in either case.
 */
int stack_tree_make(const struct results *a, const struct results *b, enum stack_kind kind,
		    struct stack_tree *out);

void stack_tree_free(struct stack_tree *t); /* what it owns, not the struct */

/* The node after `at` when parents come before their children and siblings by name; 0: none. */
uint32_t stack_tree_next(const struct stack_tree *t, uint32_t at);

#endif
