#include <stdio.h>

int small_answer(void);

int main(void) {
    printf("%d\n", small_answer());
    return 0;
}
