#include "infiniop.h"

#include <spdlog/spdlog.h>

int infiniop_version() {
    spdlog::debug("infiniop {}", 1);
    return 1;
}
