#include "sums.hpp"

#include <cstdio>
#include <omp.h>

long sum_to(long last) {
#ifdef LOUD
    std::printf("summing with up to %d threads\n", omp_get_max_threads());
#endif
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (long number = 1; number <= last; number++) {
        sum += number;
    }
    return sum;
}
