#include "sums.hpp"

#include <pybind11/pybind11.h>

PYBIND11_MODULE(_sums, module) {
    module.def("sum_to", &sum_to);
}
