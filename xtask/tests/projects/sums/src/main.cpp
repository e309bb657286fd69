#include "sums.hpp"

#include <cstdio>
#include <cstdlib>

int main(int count, char **words) {
    std::printf("the sum is %ld\n", sum_to(count > 1 ? std::atol(words[1]) : 100));
    return 0;
}
