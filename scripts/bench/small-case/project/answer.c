#include <stdio.h>

int small_answer(void) {
#ifdef TRACE
    fputs("asked\n", stderr);
#endif
    return 42;
}
