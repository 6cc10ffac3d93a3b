/* SPDX-License-Identifier: MIT */
/* Files with and without debug information, of another build, and damaged in every way. */
#include <gelf.h>
#include <sys/stat.h>

#include "inspect_fixture.h"
#include "user/image/image_debug.h"

#define FAKE "tests/programs/ceval" /* by its file CPython 3.14.5 */

/* Run a shell command in the test's directory, with $P the fake interpreter; false: it failed. */
static bool run(const struct fixture *f, const char *command)
{
	char line[3 * PATH_MAX], path[PATH_MAX];

	built(f, FAKE, path);
	assert_true(snprintf(line, sizeof(line), "cd '%s' && P='%s' && { %s; } 2>/dev/null", f->dir,
			     path, command) < (int)sizeof(line));
	return !system(line);
}

static void look(struct fixture *f, const char *name, struct inspect_image *img)
{
	char path[PATH_MAX];

	in_dir(f, name, path);
	inspect_path(f, path, img);
}

static size_t count_name(const struct inspect_image *img, const char *name, uint32_t flags)
{
	size_t n = 0;

	for (uint32_t i = 0; i < img->nplaces; i++)
		n += !strcmp(img->places[i].name, name) && img->places[i].flags == flags;
	return n;
}

static void assert_exact(const struct inspect_image *img)
{
	assert_int_equal(img->interpreter, GT_INTERPRETER_CPYTHON);
	assert_string_equal(img->name, "CPython 3.14.5");
	assert_int_equal(img->version, 0x030e05);
	assert_int_equal(img->flags, GT_INTERPRETER_PROBED | GT_INTERPRETER_PER_DOMAIN);
	assert_string_equal(img->note, "");
	assert_int_equal(count_name(img, "take_gil", 0), 1);
	assert_int_equal(count_name(img, "drop_gil", 0), 1);
	assert_int_equal(count_name(img, "drop_gil", GT_LOCK_SITE_INLINE), 2);
	assert_int_equal(img->nplaces, 4);
}

static void inlined_functions(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;
	char path[PATH_MAX];

	built(f, FAKE, path);
	inspect_path(f, path, &img);
	assert_exact(&img);
	inspect_image_release(&img);
}

/* Nobody tells where the function was inlined: those that it was inlined into stand in. */
static void without_debug_information(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;

	if (!run(f, "strip -g -o bare \"$P\""))
		skip(); /* no binutils */
	look(f, "bare", &img);
	assert_int_equal(img.flags, GT_INTERPRETER_IN_PART | GT_INTERPRETER_PER_DOMAIN);
	assert_int_equal(count_name(&img, "take_gil", 0), 1);
	assert_int_equal(count_name(&img, "PyEval_RestoreThread", 0), 0);
	assert_int_equal(count_name(&img, "PyEval_SaveThread", 0), 1);
	assert_int_equal(count_name(&img, "PyEval_ReleaseThread", 0), 1);
	assert_non_null(strstr(img.note, "inlined"));
	inspect_image_release(&img);
}

/* Where in the file the size of a section stands. */
static off_t size_of_section(int fd, const char *name)
{
	Elf_Scn *scn = NULL;
	Elf *elf;
	GElf_Ehdr ehdr;
	GElf_Shdr shdr;
	size_t names;
	off_t at = 0;

	assert_int_not_equal(elf_version(EV_CURRENT), EV_NONE);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_non_null(gelf_getehdr(elf, &ehdr));
	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	while (!at && (scn = elf_nextscn(elf, scn))) {
		assert_non_null(gelf_getshdr(scn, &shdr));
		if (!strcmp(elf_strptr(elf, names, shdr.sh_name), name))
			at = (off_t)(ehdr.e_shoff + elf_ndxscn(scn) * sizeof(Elf64_Shdr) +
				     offsetof(Elf64_Shdr, sh_size));
	}
	elf_end(elf);
	assert_true(at > 0);
	return at;
}

static void debug_information_too_large_to_be_read(void **state)
{
	const uint64_t size = IMAGE_DEBUG_MAX + (1 << 20);
	struct fixture *f = *state;
	struct inspect_image img;
	char path[PATH_MAX];
	int fd;

	assert_true(run(f, "cp \"$P\" much"));
	in_dir(f, "much", path);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &size, sizeof(size), size_of_section(fd, ".debug_str")),
			 sizeof(size));
	close(fd);
	look(f, "much", &img);
	assert_non_null(
		strstr(img.note, "much has 513 MiB of debug information, more than the 512 MiB"));
	assert_string_equal(img.name, "CPython 3.14.5");
	assert_int_equal(img.flags, GT_INTERPRETER_IN_PART | GT_INTERPRETER_PER_DOMAIN);
	inspect_image_release(&img);
}

static void stripped(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;

	if (!run(f, "strip -o bare \"$P\""))
		skip(); /* no binutils */
	look(f, "bare", &img);
	assert_string_equal(img.name, "CPython 3.14.5");
	assert_int_equal(img.flags, GT_INTERPRETER_IN_PART | GT_INTERPRETER_PER_DOMAIN);
	assert_int_equal(count_name(&img, "PyEval_SaveThread", 0), 1);
	assert_int_equal(count_name(&img, "PyEval_RestoreThread", 0), 1);
	assert_non_null(strstr(img.note, "bare is stripped: install its debug symbols"));
	assert_non_null(strstr(img.note, "python3.14-dbg"));
	inspect_image_release(&img);
}

static void debug_file(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;

	if (!run(f, "objcopy --only-keep-debug \"$P\" full.debug && strip -o bare \"$P\" && "
		    "objcopy --add-gnu-debuglink=full.debug bare && mkdir .debug && "
		    "mv full.debug .debug"))
		skip(); /* no binutils */
	look(f, "bare", &img);
	assert_exact(&img);
	inspect_image_release(&img);
}

/* Its build-id is another: its addresses are never used. */
static void debug_file_of_another_build(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;

	if (!run(f, "objcopy --only-keep-debug \"$P\" full.debug && strip -o bare \"$P\" && "
		    "objcopy --add-gnu-debuglink=full.debug bare && "
		    "objcopy --only-keep-debug /proc/$PPID/exe full.debug"))
		skip(); /* no binutils */
	look(f, "bare", &img);
	assert_int_equal(img.flags, GT_INTERPRETER_IN_PART | GT_INTERPRETER_PER_DOMAIN);
	assert_int_equal(count_name(&img, "drop_gil", 0), 0);
	assert_non_null(strstr(img.note, "of another build"));
	inspect_image_release(&img);
}

static void no_sections(void **state)
{
	struct fixture *f = *state;
	struct inspect_image img;
	char path[PATH_MAX];
	uint64_t none = 0;
	int fd;

	assert_true(run(f, "cp \"$P\" copy"));
	in_dir(f, "copy", path);
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, &none, 8, 40), 8); /* e_shoff */
	assert_int_equal(pwrite(fd, &none, 4, 60), 4); /* e_shnum, e_shstrndx */
	close(fd);
	look(f, "copy", &img);
	assert_int_equal(img.nplaces, 0);
	assert_int_equal(img.interpreter, GT_INTERPRETER_NONE);
	assert_string_equal(img.note, "copy has no sections that can be read: it is not probed");
	inspect_image_release(&img);
}

/* ---- damage ---- */

static bool sound(void *ctx, const struct inspect_image *img)
{
	const struct stat *st = ctx;

	for (uint32_t i = 0; i < img->nplaces; i++) {
		assert_true(img->places[i].offset < (uint64_t)st->st_size);
		assert_true(img->places[i].semaphore < (uint64_t)st->st_size);
		assert_true(img->places[i].site.role < GT_LOCK_ROLES);
	}
	return true;
}

/* Damage some bytes of `path` from `from` on, one after the other, and look into it each time. */
static void damage(const char *path, off_t from, off_t to, off_t step, unsigned char mask)
{
	struct inspect *in = inspect_new(NULL);
	int fd = open(path, O_RDWR);
	struct stat st;

	assert_non_null(in);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = from; at < to && at < st.st_size; at += step) {
		unsigned char was, now;

		assert_int_equal(pread(fd, &was, 1, at), 1);
		now = was ^ mask;
		assert_int_equal(pwrite(fd, &now, 1, at), 1);
		inspect_file(in, fd, path, ALL, sound, &st);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	close(fd);
	inspect_free(in);
}

static void damaged(void **state)
{
	static const char *const programs[] = { FAKE, "workloads/gil_threads" };
	struct fixture *f = *state;
	char from[PATH_MAX], path[PATH_MAX];
	struct stat st;

	in_dir(f, "damaged", path);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		built(f, programs[i], from);
		copy_file(from, path);
		assert_int_equal(stat(path, &st), 0);
		damage(path, 0, 1088, 1, 0xff);
		damage(path, st.st_size - 2600, st.st_size, 3, 0xff);
		damage(path, 1088, st.st_size, 17, 0xff);
		damage(path, 1088, st.st_size, 19, 0x01);
	}
}

static void cut(void **state)
{
	struct inspect *in = inspect_new(NULL);
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	assert_true(run(f, "cp \"$P\" copy"));
	in_dir(f, "copy", path);
	fd = open(path, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	while (st.st_size > 97) {
		st.st_size -= 97;
		assert_int_equal(ftruncate(fd, st.st_size), 0);
		inspect_file(in, fd, path, ALL, sound, &st);
	}
	close(fd);
	inspect_free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inlined_functions),
		TEST(without_debug_information),
		TEST(debug_information_too_large_to_be_read),
		TEST(stripped),
		TEST(debug_file),
		TEST(debug_file_of_another_build),
		TEST(no_sections),
		TEST(damaged),
		TEST(cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
