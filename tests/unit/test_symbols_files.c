/* SPDX-License-Identifier: MIT */
/* Mapped files that are damaged, no images, or traps. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "symbols_fixture.h"
#include "user/image/image.h"

static uint32_t kernel_dev(dev_t dev)
{
	return major(dev) << 20 | minor(dev);
}

static struct image *read_image(const char *path)
{
	int fd = open(path, O_RDONLY), err;
	struct image *img = image_read(fd, path, &err);

	close(fd);
	assert_true(img ? !err : err < 0);
	return img;
}

static void damaged_images(void **state)
{
	struct fixture *f = *state;
	struct image *img = read_image(f->self);
	uint64_t into;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	assert_non_null(img);
	image_free(img);
	in_dir(f, "damaged", path);
	copy_file(f->self, path);
	fd = open(path, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	/* Every byte of the header, then of the section headers at the end. */
	for (off_t i = 0; i < 2112; i++) {
		off_t at = i < 1088 ? i : st.st_size - 1 - (i - 1088) * 3;
		unsigned char was, now;

		assert_int_equal(pread(fd, &was, 1, at), 1);
		now = (unsigned char)~was;
		assert_int_equal(pwrite(fd, &now, 1, at), 1);
		img = read_image(path);
		if (img)
			image_symbol(img, 0x4000, &into);
		image_free(img);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	assert_int_equal(ftruncate(fd, 700), 0);
	image_free(read_image(path));
	close(fd);
}

static void not_an_image(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], *at;
	struct answer a;
	int fd;

	in_dir(f, "text", path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(pwrite(fd, "words", 5, 4091), 5);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ask(f, getpid(), at + 100, NULL, &a);
	assert_string_equal(a.name, "");
	assert_string_equal(a.image, path);
	assert_int_equal(a.offset, 100);
	munmap(at, 4096);
	/* Too large to be read, whatever it is. */
	in_dir(f, "large", path);
	copy_file(f->self, path);
	assert_int_equal(truncate(path, (off_t)IMAGE_MAX_FILE + 1), 0);
	assert_null(read_image(path));
	close(fd);
}

/* A pipe under the name of the program: opening it would wait for ever. */
static void pipe_for_a_program(void **state)
{
	struct fixture *f = *state;
	struct symbols_exec exec = { .start_code = 0x401000 };
	char path[PATH_MAX];
	struct answer a;
	struct stat st;

	in_dir(f, "pipe", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(stat(path, &st), 0);
	exec.path = path;
	exec.dev = kernel_dev(st.st_dev);
	exec.ino = st.st_ino;
	ask(f, 0x3fffff, (void *)0x404000, &exec, &a);
	assert_string_equal(a.image, "");
}

/* Who opens a leased file waits for the lease's holder, here for the one who asks. */
static void leased_file(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], *at;
	struct answer a;
	int fd;

	in_dir(f, "leased", path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 4096), 0);
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	signal(SIGIO, SIG_IGN);
	if (fcntl(fd, F_SETLEASE, F_WRLCK))
		skip(); /* not on this filesystem */
	ask(f, getpid(), at, NULL, &a);
	assert_string_equal(a.image, path);
	munmap(at, 4096);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(damaged_images),
		TEST(not_an_image),
		TEST(pipe_for_a_program),
		TEST(leased_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
