/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Makes the mistake that its argument names, so that util/asan can show that
 * it would notice the same in a unit test.
 */


#include <limits.h>
#include <stdlib.h>
#include <string.h>


int
main(int argc, char **argv)
{
    char          *p;
    volatile int   n;

    p = calloc(1, 16);
    if (p == NULL) {
        return 2;
    }

    n = INT_MAX - 2 + argc;

    if (strcmp(argv[1], "heap") == 0) {
        n = p[14 + argc];
    }

    if (strcmp(argv[1], "overflow") == 0) {
        n++;
    }

    if (strcmp(argv[1], "leak") == 0) {
        p = NULL;
    }

    free(p);

    return n == 1;
}
