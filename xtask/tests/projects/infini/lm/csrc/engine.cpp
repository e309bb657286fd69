#include <infinicore/tensor.hpp>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <spdlog/spdlog.h>

#ifndef __OPTIMIZE__
#error "no build mode, no optimisation"
#endif

static std::vector<float> twice(const std::vector<float> &numbers) {
    spdlog::info("twice {} numbers", numbers.size());
    return infinicore::add(numbers, numbers);
}

PYBIND11_MODULE(_infinilm, module) {
    module.def("twice", &twice);
}
