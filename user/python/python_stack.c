/* SPDX-License-Identifier: MIT */
#include "python_stack.h"

#include <string.h>

#include "python_merge.h"

#define LOOP "_PyEval_EvalFrameDefault"

/*
 * How functions' names begin that only lead from Python code to Python code. What is not here is
 * shown between the two: builtin_sorted, map_next, context_run, and all of other images.
 */
static const char *const glue[] = {
	"_PyEval_",
	"_PyFunction_",
	"_PyObject_",
	"_PyVectorcall_",
	"_PyCFunction",
	"_PyMethodDescr_",
	"_PyGen_",
	"PyObject_Call",
	"PyObject_Vectorcall",
	"PyVectorcall_",
	"PyCFunction_",
	"PyIter_",
	"call_function",
	"cfunction_",
	"do_call_core",
	"function_code_fastcall",
	"gen_send_ex",
	"gen_iternext",
	"method_call",
	"method_vectorcall",
	"object_vacall",
	"py_trampoline_evaluator",
	"slot_tp_",
	"type_call",
	"vectorcall_",
};

/* `name`, or so with a compiler's dot and more behind it. */
static bool is_loop(const char *name)
{
	return !strncmp(name, LOOP, strlen(LOOP)) &&
	       (!name[strlen(LOOP)] || name[strlen(LOOP)] == '.');
}

static bool is_glue(const char *name)
{
	for (size_t i = 0; i < sizeof(glue) / sizeof(glue[0]); i++)
		if (!strncmp(name, glue[i], strlen(glue[i])))
			return true;
	return false;
}

static struct image_code *function_at(struct code_space *space, const struct unwind_frame *u,
				      const char **name)
{
	struct code_place place;
	uint64_t start;

	code_space_find(space, u->exact || u->signal ? u->pc : u->pc - 1, &place);
	*name = place.code ? image_code_function(place.code, place.vaddr, &start) : NULL;
	return place.code;
}

/* With -X perf each function is called through a trampoline with its name: it is told by its Python
 * frame. */
static bool is_trampoline(struct code_space *space, const struct unwind_frame *u)
{
	const char *name;
	struct code_place place;

	code_space_find(space, u->pc, &place);
	name = place.kind == CODE_ANON ? code_space_jit(space, u->pc) : NULL;
	return name && !strncmp(name, "py::", 4);
}

/* Where an image has no symbols of its own functions, those are glue: it exports what it is called
 * by. */
static void classify(struct code_space *space, const struct unwind_result *r,
		     enum python_native out[GT_STACK_FRAMES_MAX],
		     bool trampoline[GT_STACK_FRAMES_MAX])
{
	const struct image_code *images[GT_STACK_FRAMES_MAX], *interpreter = NULL;

	for (size_t i = 0; i < r->nframes; i++) {
		const char *name;

		images[i] = function_at(space, &r->frames[i], &name);
		out[i] = PYTHON_OTHER;
		if (name && is_loop(name)) {
			out[i] = PYTHON_LOOP;
			interpreter = images[i];
		} else if (images[i] && (!name || is_glue(name))) {
			out[i] = PYTHON_GLUE;
		}
		trampoline[i] = !images[i] && is_trampoline(space, &r->frames[i]);
		if (trampoline[i])
			out[i] = PYTHON_GLUE;
	}
	for (size_t i = 0; i < r->nframes; i++)
		if (out[i] == PYTHON_GLUE && !trampoline[i] && images[i] != interpreter)
			out[i] = PYTHON_OTHER;
}

static const char *const marks[] = {
	[PYTHON_ITEM_NO_NATIVE] = "[native frames unknown]",
	[PYTHON_ITEM_NO_PYTHON] = "[python frames unknown]",
	[PYTHON_ITEM_NO_MATCH] = "[native frames between python frames unknown]",
};

static void add_python(struct python_codes *codes, struct frames *frames, struct code_space *space,
		       const struct gt_wire_python_stack *python, size_t i, struct frames_list *to)
{
	struct frames_frame frame = { .kind = GT_FRAME_PYTHON, .image = "", .file = "" };
	struct python_function fn;

	if (python_codes_find(codes, space->as, code_space_pid(space), &python->how,
			      &python->frame[i], &fn)) {
		frame.name = fn.name;
		frame.file = fn.file;
		frame.line = fn.line;
	} else {
		frame.name = "[python function unknown]";
	}
	frames_add(frames, &frame, to);
}

void python_stack_read(struct python_codes *codes, struct code_space *space,
		       const struct gt_wire_python_stack *python)
{
	struct python_function unused;

	for (size_t i = 0; i < python->frames; i++)
		python_codes_find(codes, space->as, code_space_pid(space), &python->how,
				  &python->frame[i], &unused);
}

void python_stack_add(struct python_codes *codes, struct frames *frames, struct code_space *space,
		      const struct unwind_result *native, const struct gt_wire_python_stack *python,
		      struct frames_list *to)
{
	struct python_item items[GT_STACK_FRAMES_MAX];
	enum python_native natives[GT_STACK_FRAMES_MAX];
	bool trampoline[GT_STACK_FRAMES_MAX];
	struct python_merge m = {
		.natives = natives,
		.nnatives = native->nframes,
		.complete = native->flags & GT_STACK_COMPLETE,
		.frames = python->frame,
		.nframes = python->frames,
		.cut = python->cut,
		.minor = python->how.minor,
	};
	struct frames_frame mark = { .kind = GT_FRAME_UNKNOWN, .image = "", .file = "" };
	size_t n;

	classify(space, native, natives, trampoline);
	n = python_merge(&m, items, GT_STACK_FRAMES_MAX);
	if (n == GT_STACK_FRAMES_MAX)
		to->full = true;
	for (size_t i = 0; i < n; i++) {
		switch (items[i].kind) {
		case PYTHON_ITEM_NATIVE:
			if (!trampoline[items[i].index])
				frames_add_user(frames, space, &native->frames[items[i].index], to);
			break;
		case PYTHON_ITEM_PYTHON:
			add_python(codes, frames, space, python, items[i].index, to);
			break;
		default:
			mark.name = marks[items[i].kind];
			frames_add(frames, &mark, to);
			break;
		}
	}
}
