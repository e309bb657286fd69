#include "infinicore/tensor.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/cfg/env.h>
#include <spdlog/spdlog.h>

#include "infiniccl.h"
#include "infiniop.h"
#include "infinirt.h"

#ifndef SPDLOG_COMPILED_LIB
#error "spdlog is header-only: each file compiles all of it"
#endif

namespace infinicore {

std::vector<float> add(const std::vector<float> &left, const std::vector<float> &right) {
    spdlog::cfg::load_env_levels("INFINICORE_LOG_LEVEL");
    std::vector<float> sum(left.size());
    for (std::size_t n = 0; n < left.size(); ++n) {
        sum[n] = left[n] + right.at(n);
    }
    spdlog::debug("added {} numbers", sum.size());
    return sum;
}

std::string versions() {
    // <sstream> is nobody's include here, as in the project that this stands for.
    std::stringstream text;
    text << nlohmann::json{infinirt_version(), infiniop_version(), infiniccl_version()};
    return text.str();
}

} // namespace infinicore
