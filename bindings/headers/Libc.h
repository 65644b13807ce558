/* SPDX-License-Identifier: Apache-2.0 */
/* What jextract reads for io.culvert.bindings.ffi.Libc; which of it becomes Java is listed in symbols/Libc. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * Under _GNU_SOURCE glibc declares socket addresses as a transparent union, which jextract takes for a union passed by
 * value. Without it they are plain pointers, but then the two batch calls are missing: sendmmsg(2), recvmmsg(2).
 */
#undef __USE_GNU
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct mmsghdr {
	struct msghdr msg_hdr;
	unsigned int msg_len;
};
int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout);
#define MSG_WAITFORONE 0x10000
#define SO_RCVBUFFORCE 33
#define SO_SNDBUFFORCE 32
