/* SPDX-License-Identifier: MIT */
/*
 * pexit VALUE: end QEMU through its isa-debug-exit device at port 0xf4, once the console has sent
 * all that was written to it. QEMU's exit status is VALUE * 2 + 1, which is never 0: neither a
 * guest that powers off nor a QEMU that does not start can be mistaken for one that passed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: pexit VALUE\n");
        return 2;
    }
    tcdrain(STDOUT_FILENO);
    if (ioperm(0xf4, 1, 1)) {
        perror("pexit: ioperm");
        return 1;
    }
    outb(atoi(argv[1]), 0xf4);
    fprintf(stderr, "pexit: there is no isa-debug-exit device at port 0xf4\n");
    return 1;
}
