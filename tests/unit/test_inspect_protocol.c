/* SPDX-License-Identifier: MIT */
/* Packets about images, as a helper gone wrong might send them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/helper/symbols_packet.h"

#define PLACES 3

/* A sound packet, to be damaged. */
struct packet {
	struct symbols_image_reply head;
	struct inspect_place places[PLACES];
	char path[9];
} __attribute__((packed));

static struct packet sound(void)
{
	struct packet p = {
		.head = { .kind = SYMBOLS_REPLY_IMAGE,
			  .as = 7,
			  .ino = 12,
			  .dev = 34,
			  .interpreter = GT_INTERPRETER_CPYTHON,
			  .version = 0x030b02,
			  .flags = GT_INTERPRETER_PROBED,
			  .nplaces = PLACES,
			  .path_len = sizeof(p.path),
			  .name = "CPython 3.11.2" },
		.path = { '/', 'b', 'i', 'n', '/', 'p', 'y', 't', 'h' },
	};

	for (size_t i = 0; i < PLACES; i++)
		p.places[i] = (struct inspect_place){
			.offset = 0x1000 + i,
			.site = { .role = GT_LOCK_REQUEST, .arg = GT_ARG_REGISTER, .size = 8 },
			.name = "take_gil",
		};
	return p;
}

static bool reads(const struct packet *p, size_t len, struct inspect_image *out)
{
	static struct inspect_place places[INSPECT_PLACES_MAX];

	return symbols_packet_read_image(p, len, places, out);
}

static void comes_through(void **state)
{
	struct packet p = sound();
	struct inspect_image img = { 0 };

	assert_true(reads(&p, sizeof(p), &img));
	assert_int_equal(img.as, 7);
	assert_int_equal(img.ino, 12);
	assert_int_equal(img.dev, 34);
	assert_int_equal(img.version, 0x030b02);
	assert_int_equal(img.flags, GT_INTERPRETER_PROBED);
	assert_string_equal(img.name, "CPython 3.11.2");
	assert_string_equal(img.path, "/bin/pyth");
	assert_int_equal(img.nplaces, PLACES);
	assert_int_equal(img.places[2].offset, 0x1002);
	assert_string_equal(img.places[2].name, "take_gil");
}

static void lengths(void **state)
{
	struct packet p = sound();
	struct inspect_image img;

	for (size_t len = 0; len < sizeof(p); len++)
		assert_false(reads(&p, len, &img));
	p.head.nplaces = PLACES + 1;
	assert_false(reads(&p, sizeof(p), &img));
	p.head.nplaces = UINT32_MAX;
	assert_false(reads(&p, sizeof(p), &img));
	p = sound();
	p.head.path_len = UINT16_MAX;
	assert_false(reads(&p, sizeof(p), &img));
}

static void values(void **state)
{
	struct inspect_image img;
	struct packet p;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		p = sound();                                                                       \
		change;                                                                            \
		if (reads(&p, sizeof(p), &img))                                                    \
			fail_msg("%s", #change);                                                   \
	} while (0)
	REFUSED(p.head.kind = SYMBOLS_REPLY_NAME);
	REFUSED(p.head.interpreter = GT_INTERPRETER_COUNT);
	REFUSED(p.head.flags = 1u << 31);
	REFUSED(memset(p.head.name, 'a', sizeof(p.head.name)));
	REFUSED(memset(p.head.note, 'a', sizeof(p.head.note)));
	REFUSED(p.places[1].site.role = 0);
	REFUSED(p.places[1].site.role = GT_LOCK_ROLES);
	REFUSED(p.places[1].site.arg = GT_ARG_MEMORY + 1);
	REFUSED(p.places[1].site.size = 3);
	REFUSED(p.places[1].site.reg = 9);
	REFUSED(p.places[1].site.reg = 4096);
	REFUSED(p.places[1].flags = 1u << 31);
	REFUSED(p.places[1].offset = UINT64_MAX);
	REFUSED(p.places[1].semaphore = UINT64_MAX);
	REFUSED(memset(p.places[1].name, 'a', sizeof(p.places[1].name)));
#undef REFUSED
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void send_two(int sock, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(2 * sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec part = { "x", 1 };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control.bytes) };

	memcpy(CMSG_DATA(&control.head), (int[]){ fd, fd }, 2 * sizeof(int));
	assert_int_equal(sendmsg(sock, &msg, 0), 1);
}

/* Who sends more descriptors than are wanted leaves none behind; none sent is none. */
static void descriptors(void **state)
{
	int ends[2], before, fd = 99;
	struct inspect_image img = { .fd = -1 };
	char packet[SYMBOLS_REPLY_MAX];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	before = open_descriptors();
	assert_int_equal(symbols_packet_send_image(ends[0], &img), 0);
	assert_true(symbols_packet_receive(ends[1], packet, sizeof(packet), &fd, 0) > 0);
	assert_int_equal(fd, -1);
	img.fd = open("/proc/self/exe", O_RDONLY);
	for (int i = 0; i < 2; i++)
		assert_int_equal(symbols_packet_send_image(ends[0], &img), 0);
	assert_true(symbols_packet_receive(ends[1], packet, sizeof(packet), &fd, 0) > 0);
	assert_true(fd >= 0);
	close(fd);
	assert_true(symbols_packet_receive(ends[1], packet, sizeof(packet), NULL, 0) > 0);
	/* Two in one packet: there is room for both, as the kernel counts. */
	send_two(ends[0], img.fd);
	assert_true(symbols_packet_receive(ends[1], packet, sizeof(packet), &fd, 0) > 0);
	close(fd);
	close(img.fd);
	assert_int_equal(symbols_packet_receive(ends[1], packet, sizeof(packet), &fd, MSG_DONTWAIT),
			 -EAGAIN);
	assert_int_equal(fd, -1);
	assert_int_equal(open_descriptors(), before);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_through),
		cmocka_unit_test(lengths),
		cmocka_unit_test(values),
		cmocka_unit_test(descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
