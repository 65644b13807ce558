/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what DPDK's rte_softrss makes of random keys and packets, 100 of IPv4 and 100 of IPv6: the test vectors of the
 * hash in Java, in dataplane/src/test/resources/softrss.txt. Run by hand: `make softrss`; the same bytes each time.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_thash.h>

enum { KEY_BYTES = 40, LINES = 100 };

int
main(void)
{
	srandom(1);
	for (int line = 0; line < 2 * LINES; line++) {
		const int family = line < LINES ? AF_INET : AF_INET6;
		const uint32_t words = family == AF_INET ? 1 : 4; /* of an address */
		char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
		uint8_t key[KEY_BYTES];
		uint8_t packet[36];   /* addresses and ports, in network order */
		uint32_t input[9];    /* the same as rte_softrss wants it: words of the host */
		const uint32_t length = 2 * words + 1;

		for (int i = 0; i < KEY_BYTES; i++)
			key[i] = (uint8_t)random();
		for (uint32_t i = 0; i < 4 * length; i++)
			packet[i] = (uint8_t)random();
		for (uint32_t i = 0; i < length; i++) {
			memcpy(&input[i], packet + 4 * i, 4);
			input[i] = ntohl(input[i]);
		}
		inet_ntop(family, packet, source, sizeof(source));
		inet_ntop(family, packet + 4 * words, destination, sizeof(destination));
		for (int i = 0; i < KEY_BYTES; i++)
			printf("%02x", key[i]);
		printf(" %s %u %s %u %08x\n", source, input[length - 1] >> 16, destination, input[length - 1] & 0xFFFF,
			rte_softrss(input, length, key));
	}
	return 0;
}
