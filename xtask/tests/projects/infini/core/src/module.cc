#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "infinicore/tensor.hpp"

PYBIND11_MODULE(_infinicore, module) {
    module.def("add", &infinicore::add);
    module.def("versions", &infinicore::versions);
}
