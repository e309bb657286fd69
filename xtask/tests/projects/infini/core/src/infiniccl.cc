#include "infiniccl.h"

#include <spdlog/spdlog.h>

int infiniccl_version() {
    spdlog::debug("infiniccl {}", 1);
    return 1;
}
