#include "infinirt.h"

#include <spdlog/spdlog.h>

int infinirt_version() {
    spdlog::debug("infinirt {}", 1);
    return 1;
}
